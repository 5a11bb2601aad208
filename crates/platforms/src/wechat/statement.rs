//! Statements (对账单): the trade bill (交易账单) and the fund-flow bill (资金账单) of one day.
//!
//! A call that is answered with an address and a hash, then the file, which WeChat does not sign:
//! only the hash of the unpacked bytes proves it. The file goes to a writer as it comes, so that a
//! city's whole year end fits in little memory; nothing of it may be believed before
//! [`WechatMerchant::download_statement`] has returned. [`rows`] reads it afterwards.

mod rows;

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde::Deserialize;

use super::{WechatMerchant, client::Client, said::Said};
use crate::ChannelError;

pub use self::rows::{
    WechatFundMove, WechatFundStatement, WechatStatementError, WechatTrade, WechatTradeRefund,
    WechatTradeStatement,
};

/// Unpacked. A row has about 300 bytes, so this is three million payments in a day.
const STATEMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Which statement of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WechatStatementKind {
    /// All payments and refunds of the day.
    Trades,
    /// All movements of the basic account (基本账户), fees included.
    Funds,
}

/// What came of asking for a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementStanding {
    /// Written whole, and its hash fits; so many bytes.
    Written(u64),
    /// There was no trade that day, if it is past ten in the morning after.
    Nothing,
    /// Still being made: ask again in half an hour.
    NotReady,
}

/// Counts and hashes what passes.
struct Measured<'a> {
    inner: &'a mut (dyn Write + Send),
    hash: Context,
    count: u64,
    bytes_max: u64,
}

impl Write for Measured<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count = self.count.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.count > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.write_all(bytes)?;
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[derive(Deserialize)]
struct Offer {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

impl WechatMerchant {
    /// Writes the statement of `day` (`yyyy-MM-dd`, not today, at most three months ago) into `into`.
    /// The bytes are to be thrown away unless this returns [`StatementStanding::Written`]. Retry
    /// class: idempotent, into an empty place. In partner mode the trades are the sub merchant's.
    ///
    /// # Errors
    /// [`ChannelError::BadRequest`] for the funds in partner mode: WeChat would tell of the service
    /// provider's account, which is not the one that the money of these payments is on.
    /// [`ChannelError::Unknown`] also when the file is cut, too long, or not the one that was offered.
    pub async fn download_statement(
        &self,
        kind: WechatStatementKind,
        day: &str,
        into: &mut (dyn Write + Send),
    ) -> Result<StatementStanding, ChannelError> {
        download(&self.client, kind, day, into, STATEMENT_BYTES_MAX).await
    }
}

async fn download(
    client: &Client,
    kind: WechatStatementKind,
    day: &str,
    into: &mut (dyn Write + Send),
    bytes_max: u64,
) -> Result<StatementStanding, ChannelError> {
    let digits = |range: std::ops::Range<usize>| {
        day.as_bytes().get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let dashed = day.len() == 10 && day.as_bytes()[4] == b'-' && day.as_bytes()[7] == b'-';
    if !(dashed && digits(0..4) && digits(5..7) && digits(8..10)) {
        return Err(ChannelError::BadRequest("day: yyyy-MM-dd"));
    }
    let target = match (kind, client.account().sub_mchid()) {
        (WechatStatementKind::Trades, sub_mchid) => {
            let sub_mchid = sub_mchid.map(|id| format!("&sub_mchid={id}")).unwrap_or_default();
            format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL{sub_mchid}&tar_type=GZIP")
        }
        (WechatStatementKind::Funds, Some(_)) => {
            return Err(ChannelError::BadRequest(
                "kind: a sub merchant's funds are told to itself",
            ));
        }
        (WechatStatementKind::Funds, None) => {
            format!("/v3/bill/fundflowbill?bill_date={day}&account_type=BASIC&tar_type=GZIP")
        }
    };
    let judge = |said| match said {
        Said::Done(verified) => verified.read().map(Ok),
        Said::Error(error) if error.is("NOSTATEMENTEXIST") => Ok(Err(StatementStanding::Nothing)),
        Said::Error(error) if error.is("STATEMENTCREATING") => Ok(Err(StatementStanding::NotReady)),
        Said::Error(error) => Err(error.into_error()),
    };
    let offer: Offer = match client.get("statement", &target, judge).await? {
        Ok(offer) => offer,
        Err(standing) => return Ok(standing),
    };
    if offer.hash_type != "SHA1" {
        return Err(ChannelError::Unknown("the statement's hash is of an unknown kind".into()));
    }
    let hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    let mut unpacked = MultiGzDecoder::new(Measured { inner: into, hash, count: 0, bytes_max });
    let unreadable = |_| {
        ChannelError::Unknown("the statement cannot be unpacked or written, or is too long".into())
    };
    client
        .download_file(&offer.download_url, &mut |bytes| {
            unpacked.write_all(bytes).map_err(unreadable)
        })
        .await?;
    let mut measured = unpacked.finish().map_err(unreadable)?;
    measured.flush().map_err(unreadable)?;
    let hash = hex::encode(measured.hash.finish());
    if !hash.eq_ignore_ascii_case(&offer.hash_value) {
        return Err(ChannelError::Unknown("the statement is not the one that was offered".into()));
    }
    Ok(StatementStanding::Written(measured.count))
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use kernel::RetryClass;
    use ring::digest::digest;
    use rstest::rstest;
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

    use super::*;
    use crate::wechat::tests::{Seal, head, merchant};

    const TEXT: &str = "\u{feff}交易时间,…\r\n";

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("packed");
        encoder.finish().expect("packed")
    }

    fn sha1(text: &str) -> String {
        hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
    }

    /// A pay API that offers a file under a hash.
    async fn offering(hash: String, file: ResponseTemplate, url: Option<&str>) -> MockServer {
        let server = MockServer::start().await;
        let own = format!("{}/v3/billdownload/file?token=abc&tartype=gzip", server.uri());
        let url = url.unwrap_or(&own);
        let offer = json!({"hash_type": "SHA1", "hash_value": hash, "download_url": url});
        let offer = offer.to_string();
        let mut answer = ResponseTemplate::new(200).set_body_bytes(offer.clone().into_bytes());
        for (name, value) in head(offer.as_bytes(), Seal::Certificate) {
            answer = answer.insert_header(name, value.as_str());
        }
        Mock::given(path("/v3/bill/tradebill")).respond_with(answer).mount(&server).await;
        Mock::given(path("/v3/billdownload/file")).respond_with(file).mount(&server).await;
        server
    }

    fn file(text: &str) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_bytes(packed(text))
    }

    async fn ask(server: &MockServer) -> (Result<StatementStanding, ChannelError>, Vec<u8>) {
        let mut written = Vec::new();
        let merchant = merchant(server.uri());
        let kind = WechatStatementKind::Trades;
        let result = merchant.download_statement(kind, "2026-01-01", &mut written).await;
        (result, written)
    }

    #[tokio::test]
    async fn an_unsigned_file_is_believed_for_the_hash_of_its_unpacked_bytes() {
        let server = offering(sha1(TEXT), file(TEXT), None).await;
        let (result, written) = ask(&server).await;
        let count = u64::try_from(TEXT.len()).expect("a small number");
        assert_eq!(result, Ok(StatementStanding::Written(count)));
        assert_eq!(written, TEXT.as_bytes());
        let requests = server.received_requests().await.expect("recorded");
        crate::wechat::tests::assert_authorized(&requests[1]);
    }

    #[rstest]
    #[case::other_bytes(sha1("other"), file(TEXT))]
    #[case::hash_of_the_packed_bytes(hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &packed(TEXT))), file(TEXT))]
    #[case::not_packed(sha1(TEXT), ResponseTemplate::new(200).set_body_string(TEXT))]
    #[case::cut(sha1(TEXT), ResponseTemplate::new(200).set_body_bytes(packed(TEXT)[..20].to_vec()))]
    #[case::over(sha1(TEXT), ResponseTemplate::new(400).set_body_string(r#"{"code":"INVALID_REQUEST"}"#))]
    #[case::page(sha1(TEXT), ResponseTemplate::new(502).set_body_string("<html>"))]
    #[tokio::test]
    async fn another_file_is_no_statement(#[case] hash: String, #[case] file: ResponseTemplate) {
        let server = offering(hash, file, None).await;
        let (result, _) = ask(&server).await;
        let error = result.expect_err("not believed");
        assert!(matches!(error, ChannelError::Unknown(_)), "{error:?}");
        assert_eq!(error.retry_class(), RetryClass::QueryFirst);
    }

    #[rstest]
    #[case("https://elsewhere.example/v3/billdownload/file?token=abc")]
    #[case("http://127.0.0.1:1/v3/billdownload/file?token=abc")]
    #[case("/v3/billdownload/file")]
    #[case("")]
    #[tokio::test]
    async fn a_file_is_fetched_from_the_same_host_only(#[case] url: &str) {
        let server = offering(sha1(TEXT), file(TEXT), Some(url)).await;
        let (result, _) = ask(&server).await;
        assert!(matches!(result, Err(ChannelError::Unknown(_))), "{result:?}");
        assert_eq!(server.received_requests().await.expect("recorded").len(), 1);
    }

    #[rstest]
    #[case::away(None)]
    #[case::gateway(Some(ResponseTemplate::new(502).set_body_string("<html>")))]
    #[tokio::test]
    async fn a_file_whose_host_is_away_is_fetched_from_the_other(
        #[case] main: Option<ResponseTemplate>,
    ) {
        let away = MockServer::start().await;
        if let Some(page) = main.clone() {
            Mock::given(path("/v3/billdownload/file")).respond_with(page).mount(&away).await;
        }
        let main = if main.is_some() { away.uri() } else { "http://127.0.0.1:1".to_owned() };
        let url = format!("{main}/v3/billdownload/file?token=abc&tartype=gzip");
        let server = offering(sha1(TEXT), file(TEXT), Some(&url)).await;
        // The offer comes from the host that is asked first; the file is said to be at the other.
        let mut config = crate::wechat::tests::config(server.uri());
        config.backup_base_url = Some(main);
        let clock = std::sync::Arc::new(kernel::ControlledClock::at(
            kernel::Timestamp::from_unix_seconds(1_767_225_600),
        ));
        let entropy = std::sync::Arc::new(kernel::SeededEntropy::new(1));
        let merchant = WechatMerchant::new(config, clock, entropy).expect("a merchant");
        let mut written = Vec::new();
        let kind = WechatStatementKind::Trades;
        let result = merchant.download_statement(kind, "2026-01-01", &mut written).await;
        assert!(matches!(result, Ok(StatementStanding::Written(_))), "{result:?}");
        assert_eq!(written, TEXT.as_bytes());
    }

    #[tokio::test]
    async fn a_small_file_that_unpacks_to_a_large_one_is_cut_off() {
        let long = "0".repeat(1_000_000);
        let server = offering(sha1(&long), file(&long), None).await;
        let merchant = merchant(server.uri());
        let (kind, mut written) = (WechatStatementKind::Trades, Vec::new());
        let result = download(&merchant.client, kind, "2026-01-01", &mut written, 999_999).await;
        assert!(matches!(result, Err(ChannelError::Unknown(_))), "{result:?}");
        assert!(written.len() <= 999_999);
    }

    #[rstest]
    #[case("NO_STATEMENT_EXIST", StatementStanding::Nothing)]
    #[case("STATEMENT_CREATING", StatementStanding::NotReady)]
    #[tokio::test]
    async fn no_statement_is_an_answer(#[case] code: &str, #[case] standing: StatementStanding) {
        let body = json!({"code": code, "message": "…"}).to_string();
        let server = crate::wechat::tests::answering(400, body, Seal::Certificate).await;
        assert_eq!(ask(&server).await.0, Ok(standing));
    }

    #[rstest]
    #[case("20260101")]
    #[case("2026-1-1")]
    #[case("2026-01-01&a=b")]
    #[case("２０２６-01")]
    #[tokio::test]
    async fn a_day_has_one_form(#[case] day: &str) {
        let merchant = crate::wechat::tests::offline();
        let result =
            merchant.download_statement(WechatStatementKind::Funds, day, &mut Vec::new()).await;
        assert_eq!(result, Err(ChannelError::BadRequest("day: yyyy-MM-dd")));
    }
}
