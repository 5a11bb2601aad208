//! Fetching a day's bill: ask for its address, get the zip within thirty seconds, read it.

use std::{fmt, time::Duration};

use kernel::Timestamp;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    AlipayMerchant,
    client::{Call, Sorted, refusal, sorted},
    payment::{content, read},
    response::Reply,
    statement::{AlipayBalanceStatement, AlipayTradeStatement, StatementError, ZIP_BYTES_MAX},
};
use crate::{
    ChannelError,
    call::Failure,
    setup::{has_user, is_loopback},
};

/// For the whole file; its address is dead after thirty seconds, a started download is not.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(60);

/// Why there is no bill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// Retry class: that of the error; asking for a bill changes nothing.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Not made yet, or a day without any business: both are told alike. Ask again later in the day.
    #[error("the bill is not there (yet)")]
    NotThere,
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("the bill is about another account or day")]
    Other,
}

impl From<super::client::BadStatus> for BillError {
    fn from(status: super::client::BadStatus) -> BillError {
        BillError::Channel(status.into())
    }
}

impl From<super::response::Unreadable> for BillError {
    fn from(unreadable: super::response::Unreadable) -> BillError {
        BillError::Channel(unreadable.into())
    }
}

impl From<crate::rsa::CannotSign> for BillError {
    fn from(cannot: crate::rsa::CannotSign) -> BillError {
        BillError::Channel(cannot.into())
    }
}

impl From<crate::call::Unanswered> for BillError {
    fn from(unanswered: crate::call::Unanswered) -> BillError {
        BillError::Channel(unanswered.into())
    }
}

impl Failure for BillError {
    fn code(&self) -> &'static str {
        match self {
            BillError::Channel(error) => error.code(),
            BillError::NotThere => "not_there",
            BillError::Statement(_) => "statement",
            BillError::Other => "other",
        }
    }
}

/// Where a bill can be fetched. Opens without a key, so it reaches no log.
struct Address(Url);

/// The domains that Alipay's bills are fetched from.
const OF_ALIPAY: [&str; 2] = [".alipay.com", ".alipaydev.com"];

/// The address as it is fetched: encrypted, or on this machine where the gateway is too. A genuine
/// answer cannot lead a service in production into its own network.
///
/// Alipay's own sample is `http://dwbillcenter.alipay.com/…`. The file carries no signature, so that
/// it is ours rests on TLS: an address of Alipay's domains is fetched encrypted whatever it says.
fn encrypted(gateway: &Url, text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok().filter(|url| !has_user(url))?;
    match (url.scheme(), is_loopback(gateway)) {
        ("https", _) => return Some(url),
        ("http", true) => return is_loopback(&url).then_some(url),
        ("http", false) => {}
        _ => return None,
    }
    let of_alipay = url.domain().is_some_and(|host| OF_ALIPAY.iter().any(|of| host.ends_with(of)));
    let changed = of_alipay && url.set_scheme("https").is_ok() && url.set_port(None).is_ok();
    changed.then_some(url)
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(***)")
    }
}

impl AlipayMerchant {
    /// The business bill (业务账单) of the day in Beijing that holds `day`: every payment and refund.
    /// There from about nine o'clock of the next morning. Retry class: idempotent.
    ///
    /// # Errors
    /// [`BillError`]
    pub async fn trade_statement(&self, day: Timestamp) -> Result<AlipayTradeStatement, BillError> {
        let statement = AlipayTradeStatement::read(&self.zip("trade", day).await?)?;
        self.check(&statement.account, statement.from, day)?;
        Ok(statement)
    }

    /// The balance bill (账务账单): every movement of the account, fees on lines of their own.
    ///
    /// # Errors
    /// [`BillError`]
    pub async fn balance_statement(
        &self,
        day: Timestamp,
    ) -> Result<AlipayBalanceStatement, BillError> {
        let statement = AlipayBalanceStatement::read(&self.zip("signcustomer", day).await?)?;
        self.check(&statement.account, statement.from, day)?;
        Ok(statement)
    }

    /// The files carry no signature. That they are ours rests on TLS and on what they say.
    fn check(&self, account: &str, from: Timestamp, day: Timestamp) -> Result<(), BillError> {
        let midnight = format!("{} 00:00:00", date(day));
        let fits = account.starts_with(&self.account.seller_id) && from.beijing_text() == midnight;
        if fits { Ok(()) } else { Err(BillError::Other) }
    }

    async fn zip(&self, kind: &'static str, day: Timestamp) -> Result<Vec<u8>, BillError> {
        #[derive(Serialize)]
        struct Content<'a> {
            bill_type: &'static str,
            bill_date: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            bill_download_url: String,
        }
        let content = content(&Content { bill_type: kind, bill_date: &date(day) })?;
        let call = Call {
            operation: "bill",
            method: "alipay.data.dataservice.bill.downloadurl.query",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        let judge = |reply: Reply| -> Result<Address, BillError> {
            match sorted(reply)? {
                Sorted::Success(verified) => {
                    let answer: Answer = read(&verified)?;
                    self.address(&answer.bill_download_url)
                }
                Sorted::Refused(codes) => Err(match codes.sub_name().as_str() {
                    "NO_BILL_DATA" | "BILL_NOT_EXIST" => BillError::NotThere,
                    _ => refusal(&codes).into(),
                }),
            }
        };
        let address = self.client.exchange(call, judge).await?;
        self.fetch(address).await
    }

    fn address(&self, text: &str) -> Result<Address, BillError> {
        let unknown = || ChannelError::Unknown("the bill's address has an unknown form".into());
        Ok(Address(encrypted(self.client.gateway(), text).ok_or_else(unknown)?))
    }

    async fn fetch(&self, Address(url): Address) -> Result<Vec<u8>, BillError> {
        // The error's own text would hold the address.
        let broken = |_| ChannelError::Unknown("the bill's file did not arrive".into());
        let request = self.client.http().get(url).timeout(DOWNLOAD_TIME_MAX);
        let mut response = request.send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            let status = response.status().as_u16();
            return Err(ChannelError::Unknown(format!("the bill's file: HTTP {status}")).into());
        }
        let mut zip = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if zip.len() + chunk.len() > ZIP_BYTES_MAX {
                return Err(StatementError::Archive.into());
            }
            zip.extend_from_slice(&chunk);
        }
        Ok(zip)
    }
}

/// `yyyy-MM-dd` in Beijing.
fn date(day: Timestamp) -> String {
    day.beijing_text().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PRODUCTION: &str = "https://openapi.alipay.com/gateway.do";
    const MOCK: &str = "http://127.0.0.1:9002/gateway.do";
    const PATH: &str =
        "/downloadBillFile.resource?bizType=trade&userId=2088&downloadFileName=a.csv.zip";

    fn fetched(gateway: &str, address: &str) -> Option<String> {
        let gateway = Url::parse(gateway).expect("a gateway");
        encrypted(&gateway, &format!("{address}{PATH}")).map(String::from)
    }

    #[rstest]
    #[case::as_documented("http://dwbillcenter.alipay.com", "https://dwbillcenter.alipay.com")]
    #[case::with_a_port("http://dwbillcenter.alipay.com:8080", "https://dwbillcenter.alipay.com")]
    #[case::sandbox("http://bill.dl.alipaydev.com", "https://bill.dl.alipaydev.com")]
    #[case::encrypted("https://dwbillcenter.alipay.com", "https://dwbillcenter.alipay.com")]
    #[case::another_host("https://cdn.example", "https://cdn.example")]
    fn a_bill_of_alipays_is_fetched_encrypted(#[case] told: &str, #[case] called: &str) {
        assert_eq!(fetched(PRODUCTION, told), Some(format!("{called}{PATH}")));
    }

    #[rstest]
    #[case::of_nobody("http://cdn.example")]
    #[case::alike("http://dwbillcenter.alipay.com.example")]
    #[case::no_part_of_it("http://notalipay.com")]
    #[case::inside("http://127.0.0.1:9002")]
    #[case::number("http://10.0.0.1")]
    #[case::user("http://user@dwbillcenter.alipay.com")]
    #[case::other_scheme("ftp://dwbillcenter.alipay.com")]
    #[case::none("")]
    fn no_other_address_is_called_from_production(#[case] told: &str) {
        assert_eq!(fetched(PRODUCTION, told), None);
    }

    #[test]
    fn a_mocks_bill_is_fetched_from_this_machine_only() {
        let local = format!("http://127.0.0.1:9002{PATH}");
        assert_eq!(fetched(MOCK, "http://127.0.0.1:9002"), Some(local));
        assert_eq!(fetched(MOCK, "http://dwbillcenter.alipay.com"), None);
    }
}
