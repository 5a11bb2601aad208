//! The languages that people read here.

/// Chinese unless a person prefers English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Chinese,
    English,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::Chinese, Language::English];

    /// The BCP 47 tag, as in `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::Chinese => "zh-CN",
            Language::English => "en",
        }
    }

    /// The first of the two that an `Accept-Language` header names with the highest weight.
    pub fn accepted(header: &str) -> Language {
        let mut best = (Language::Chinese, 0);
        for part in header.split(',').take(20) {
            let (tag, weight) =
                part.split_once(';').map_or((part, 1_000), |(tag, q)| (tag, thousandths(q)));
            let language = match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("zh") => Language::Chinese,
                Some("en") => Language::English,
                _ => continue,
            };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }
}

/// `q=0.8` as 800; anything unreadable counts nothing.
fn thousandths(parameter: &str) -> u32 {
    let Some(value) = parameter.trim().strip_prefix("q=") else { return 0 };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = format!("{fraction:0<3}");
    let whole: u32 = whole.parse().unwrap_or(0);
    whole.min(1) * 1_000 + digits.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", Language::Chinese)]
    #[case("en", Language::English)]
    #[case("en-US,en;q=0.9", Language::English)]
    #[case("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese)]
    #[case("en;q=0.5,zh;q=0.9", Language::Chinese)]
    #[case("fr,en;q=0.1", Language::English)]
    #[case("fr", Language::Chinese)]
    #[case("en;q=0", Language::Chinese)]
    #[case("en;q=banana", Language::Chinese)]
    fn the_heaviest_known_language_wins(#[case] header: &str, #[case] language: Language) {
        assert_eq!(Language::accepted(header), language);
    }
}
