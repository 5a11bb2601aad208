//! Covers what nobody needs to see to understand an exchange: names, document numbers, ids of users, tokens.

use serde_json::Value;

/// Members that speak of a person or open a door. A name alone is no person's: insurances have names too, so
/// `name` is covered only beside a document number.
const COVERED: &[&str] = &[
    "document_number",
    "session_key",
    "access_token",
    "refresh_token",
    "auth_token",
    "secret",
    "js_code",
    "code_verifier",
    "openid",
    "unionid",
    "open_id",
    "user_id",
    "buyer_id",
    "buyer_open_id",
    "op_buyer_open_id",
    "buyer_user_id",
    "cert_no",
    "cert_name",
    "id_name",
    "id_number",
    "phone_number",
    "purePhoneNumber",
    "phoneNumber",
    "mobile",
    "touser",
    "card_no",
    "personal_no",
    "content",
];
/// A form's `code` is Alipay's login code; in JSON it is a result.
const COVERED_IN_FORMS: &[&str] = &["code", "auth_code"];
/// What is left at the beginning of a covered value.
const LEFT: usize = 3;

fn cover(text: &str) -> String {
    let begun: String = text.chars().take(LEFT.min(text.chars().count() / 2)).collect();
    format!("{begun}***")
}

/// A body with such members covered: JSON, a form, or what is neither, as it is.
pub(super) fn covered(text: &str) -> String {
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        cover_members(&mut value);
        return value.to_string();
    }
    if text.contains('=') && !text.contains(['<', '{', '\n']) {
        covered_form(text)
    } else {
        text.to_owned()
    }
}

/// A path with its query's members covered.
pub(super) fn covered_query(path: &str) -> String {
    match path.split_once('?') {
        Some((path, query)) => format!("{path}?{}", covered_form(query)),
        None => path.to_owned(),
    }
}

fn covered_form(text: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let hide = COVERED.contains(&&*name) || COVERED_IN_FORMS.contains(&&*name);
        // Alipay's business parameters are JSON inside a form.
        let value = if hide {
            cover(&value)
        } else if value.starts_with('{') {
            covered(&value)
        } else {
            value.into_owned()
        };
        form.append_pair(&name, &value);
    }
    form.finish()
}

fn cover_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let person = members.contains_key("document_number");
            for (name, member) in members {
                let hide = COVERED.contains(&name.as_str()) || (person && name == "name");
                match member {
                    Value::String(text) if hide => *text = cover(text),
                    member => cover_members(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(cover_members),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::agency(
        r#"{"agency":"320200-hr","person":{"document_number":"320213190001010006","name":"张三"}}"#,
        r#"{"agency":"320200-hr","person":{"document_number":"320***","name":"张***"}}"#
    )]
    #[case::insurance(
        r#"{"name":"养老保险","amount":"1.00"}"#,
        r#"{"name":"养老保险","amount":"1.00"}"#
    )]
    #[case::login(
        r#"{"openid":"oABCDEF","session_key":"abcdef=="}"#,
        r#"{"openid":"oAB***","session_key":"abc***"}"#
    )]
    #[case::form("app_id=1&code=abcdef&sign=x", "app_id=1&code=abc***&sign=x")]
    #[case::form_with_json(
        "biz_content=%7B%22buyer_open_id%22%3A%22abcdef%22%7D",
        "biz_content=%7B%22buyer_open_id%22%3A%22abc***%22%7D"
    )]
    #[case::short(
        r#"{"name":"王五","document_number":"1"}"#,
        r#"{"name":"王***","document_number":"***"}"#
    )]
    #[case::page("<html>a=b</html>", "<html>a=b</html>")]
    fn persons_and_keys_are_covered(#[case] text: &str, #[case] shown: &str) {
        let shown_as: Result<Value, _> = serde_json::from_str(shown);
        match shown_as {
            Ok(value) => {
                assert_eq!(serde_json::from_str::<Value>(&covered(text)).unwrap(), value);
            }
            Err(_) => assert_eq!(covered(text), shown),
        }
    }

    #[test]
    fn a_query_is_covered_too() {
        let path = "/sns/jscode2session?appid=wx1&secret=abcdef&js_code=xyzxyz";
        assert_eq!(
            covered_query(path),
            "/sns/jscode2session?appid=wx1&secret=abc***&js_code=xyz***"
        );
    }
}
