//! Strict reading of request bodies: WeChat refuses unknown members, nulls, wrong types, characters
//! beyond three bytes and texts that are too long, and names the place.

use serde_json::{Map, Value};

use super::answer::Refusal;

/// One object of the body and where it stands.
#[derive(Clone)]
pub(super) struct Members<'a> {
    map: &'a Map<String, Value>,
    at: String,
}

/// Reads the body as one JSON object without nulls and without characters beyond three bytes.
pub(super) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::parameter("", &Value::Null, "请求体不是合法的JSON"))?;
    sound(&value, "")?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Refusal::parameter("", &Value::Null, "请求体必须是JSON对象"))
    }
}

fn sound(value: &Value, at: &str) -> Result<(), Refusal> {
    match value {
        Value::Null => Err(Refusal::parameter(at, value, "参数值不能为null")),
        Value::String(text) if text.chars().any(|c| c.len_utf8() > 3) => {
            Err(Refusal::parameter(at, value, "包含不支持的字符，仅支持1至3个字节的UTF-8字符"))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| sound(item, &format!("{at}/{index}"))),
        Value::Object(map) => {
            map.iter().try_for_each(|(name, member)| sound(member, &format!("{at}/{name}")))
        }
        _ => Ok(()),
    }
}

impl<'a> Members<'a> {
    /// The members of an object that [`parse`] returned.
    pub fn of(value: &'a Value) -> Result<Members<'a>, Refusal> {
        let map = value
            .as_object()
            .ok_or_else(|| Refusal::parameter("", value, "请求体必须是JSON对象"))?;
        Ok(Members { map, at: String::new() })
    }

    /// Refuses members that are not on the list.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.map.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, value)) => {
                let message = "参数中含有非法的额外参数";
                let mut refusal = Refusal::parameter(&self.path(name), value, message);
                refusal.internal = 270_924_358;
                Err(refusal)
            }
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// A refusal that points at a member of this object.
    pub fn refuse(&self, name: &str, message: &str) -> Refusal {
        let value = self.map.get(name).unwrap_or(&Value::Null);
        Refusal::parameter(&self.path(name), value, message)
    }

    fn missing(&self, name: &str) -> Refusal {
        let message = format!(
            "输入源“/body{}”映射到值字段“{name}”必填性规则校验失败，此字段为必填项",
            self.path(name)
        );
        Refusal::parameter(&self.path(name), &Value::Null, message)
    }

    /// A text of at most `length_max` characters.
    pub fn text(&self, name: &str, length_max: usize) -> Result<Option<&'a str>, Refusal> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= length_max => Ok(Some(text)),
            Some(Value::String(_)) => Err(self.refuse(name, "字符串长度超过限制")),
            Some(_) => Err(self.refuse(name, "参数类型错误，应为字符串")),
        }
    }

    pub fn required_text(&self, name: &str, length_max: usize) -> Result<&'a str, Refusal> {
        match self.text(name, length_max)? {
            None | Some("") => Err(self.missing(name)),
            Some(text) => Ok(text),
        }
    }

    /// One of the listed words.
    pub fn required_word(&self, name: &str, words: &[&str]) -> Result<&'a str, Refusal> {
        let text = self.required_text(name, 64)?;
        if words.contains(&text) {
            Ok(text)
        } else {
            Err(self.refuse(name, &format!("仅支持{}", words.join("、"))))
        }
    }

    /// A list of listed words, when there is one.
    pub fn words(&self, name: &str, words: &[&str]) -> Result<(), Refusal> {
        let items = match self.map.get(name) {
            None => return Ok(()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.refuse(name, "参数类型错误，应为数组")),
        };
        let known = |item: &Value| item.as_str().is_some_and(|text| words.contains(&text));
        if !items.is_empty() && items.iter().all(known) {
            Ok(())
        } else {
            Err(self.refuse(name, &format!("仅支持{}", words.join("、"))))
        }
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.map.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_i64().map(Some).ok_or_else(|| self.refuse(name, "参数类型错误，应为整数"))
            }
        }
    }

    pub fn required_integer(&self, name: &str) -> Result<i64, Refusal> {
        self.integer(name)?.ok_or_else(|| self.missing(name))
    }

    pub fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.refuse(name, "参数类型错误，应为布尔值")),
        }
    }

    pub fn object(&self, name: &str) -> Result<Option<Members<'a>>, Refusal> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Members { map, at: self.path(name) })),
            Some(_) => Err(self.refuse(name, "参数类型错误，应为对象")),
        }
    }

    pub fn required_object(&self, name: &str) -> Result<Members<'a>, Refusal> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// The objects of a list that, when present, has 1 to `count_max` of them.
    pub fn objects(&self, name: &str, count_max: usize) -> Result<Vec<Members<'a>>, Refusal> {
        let items = match self.map.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.refuse(name, "参数类型错误，应为数组")),
        };
        if items.is_empty() || items.len() > count_max {
            return Err(self.refuse(name, "数组长度超过限制"));
        }
        let objects = items.iter().enumerate().map(|(index, item)| match item {
            Value::Object(map) => Ok(Members { map, at: format!("{}/{index}", self.path(name)) }),
            _ => Err(self.refuse(name, "数组元素应为对象")),
        });
        objects.collect()
    }
}

/// Whether a number of ours has the allowed length and characters.
pub(super) fn number_fits(text: &str, length: std::ops::RangeInclusive<usize>, more: &str) -> bool {
    length.contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-|*".contains(c) || more.contains(c))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"a":null}"#, "/a")]
    #[case(r#"{"a":{"b":[1,"🙂"]}}"#, "/a/b/1")]
    #[case("[]", "")]
    #[case(r#"{"a":"#, "")]
    fn unsound_bodies_are_refused_with_a_pointer(#[case] body: &str, #[case] pointer: &str) {
        let refusal = parse(body.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, "PARAM_ERROR");
        assert_eq!(refusal.detail.unwrap()["field"], pointer);
    }

    #[test]
    fn members_are_typed_and_measured() {
        let value = parse(r#"{"n":1.0,"t":"社保社保","o":{"x":1}}"#.as_bytes()).unwrap();
        let members = Members::of(&value).unwrap();
        assert!(members.integer("n").is_err());
        assert!(members.text("t", 3).is_err());
        assert_eq!(members.text("t", 4).unwrap(), Some("社保社保"));
        assert!(members.only(&["n", "t"]).is_err());
        let inner = members.required_object("o").unwrap();
        let refusal = inner.required_text("y", 3).unwrap_err();
        assert_eq!(refusal.detail.unwrap()["field"], "/o/y");
    }
}
