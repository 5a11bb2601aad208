//! Sentences as a voice reads them: dates, times, amounts, shares and numbers in words, hotlines digit
//! by digit, and no sign that a voice would stumble over.
//!
//! A text is first read into what it names ([`token`]), because `2026-11-29` is a date in both languages
//! and only its words differ.

mod chinese;
mod english;
mod token;

use crate::Language;

/// `text` for a client that reads it aloud. Whatever stands in it, nothing is left but letters, blanks
/// between words of Latin letters, and the marks at which a voice pauses.
pub fn aloud(language: Language, text: &str) -> String {
    let tokens = token::read(text);
    match language {
        Language::Chinese => chinese::said(&tokens),
        Language::English => english::said(&tokens),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::{filled, phrase};

    #[rstest]
    #[case("898.80 元", "八百九十八元八角")]
    #[case("404.46元", "四百零四元四角六分")]
    #[case("¥10785.60", "一万零七百八十五元六角")]
    #[case("1000.05 元", "一千元零五分")]
    #[case("12 元", "十二元")]
    #[case("0.50 元", "五角")]
    #[case("0.00 元", "零元")]
    #[case("100000000.00 元", "一亿元")]
    #[case("1010000 元", "一百零一万元")]
    #[case("20500 元", "二万零五百元")]
    fn amounts_are_said_in_words(#[case] text: &str, #[case] said: &str) {
        assert_eq!(aloud(Language::Chinese, text), said);
    }

    #[rstest]
    #[case(
        "请在2026-11-29 19:41:44前完成支付",
        "请在二零二六年十一月二十九日十九点四十一分前完成支付"
    )]
    #[case(
        "请在2026年11月29日 19:41前完成支付",
        "请在二零二六年十一月二十九日十九点四十一分前完成支付"
    )]
    #[case("2026-11-30 24:00 截止", "二零二六年十一月三十日二十四点截止")]
    #[case("09:05 到 17:00", "九点零五分到十七点")]
    #[case("2023-01 至 2023-03", "二零二三年一月至二零二三年三月")]
    #[case("2023-01..2023-12", "二零二三年一月至二零二三年十二月")]
    #[case("2023年1月", "二零二三年一月")]
    fn dates_and_times_are_said_in_words(#[case] text: &str, #[case] said: &str) {
        assert_eq!(aloud(Language::Chinese, text), said);
    }

    #[rstest]
    #[case("请拨打 12333。", "请拨打幺二三三三。")]
    #[case("0510-85012345", "零五幺零八五零幺二三四五")]
    #[case("138****5678", "幺三八星号五六七八")]
    #[case("320***********000X", "三二零星号零零零X")]
    #[case("参保人 *三", "参保人某三")]
    #[case("请点击“去支付”。", "请点击去支付。")]
    #[case("在3个工作日内", "在三个工作日内")]
    #[case("已有 2 个月未缴,2 月、12 个月", "已有两个月未缴,二月,十二个月")]
    #[case("请拨打 12333(社保)", "请拨打幺二三三三,社保")]
    #[case("费率 8.2%、100%", "费率百分之八点二,百分之一百")]
    #[case("第 3 档,1-3 个月", "第三档,一至三个月")]
    #[case("8.2", "八点二")]
    #[case("当前状态:已退款", "当前状态,已退款")]
    #[case("7K3M-9QXT", "七K三M九QXT")]
    #[case("WeChat Pay 付款", "WeChat Pay付款")]
    fn marks_go_and_numbers_are_said_as_people_say_them(#[case] text: &str, #[case] said: &str) {
        assert_eq!(aloud(Language::Chinese, text), said);
    }

    #[rstest]
    #[case(
        "Tap “Pay” (898.80 yuan).",
        "Tap Pay, eight hundred and ninety eight yuan and eighty fen."
    )]
    #[case("1000.05 yuan", "one thousand yuan and five fen")]
    #[case("¥0.50", "fifty fen")]
    #[case("20500 yuan", "twenty thousand five hundred yuan")]
    #[case(
        "before 2026-11-29 19:41:44; ",
        "before the twenty ninth of November twenty twenty six, at seven forty one p m;"
    )]
    #[case(
        "29 November 2026, 09:05",
        "the twenty ninth of November twenty twenty six, at nine oh five a m"
    )]
    #[case(
        "until 2026-11-30 24:00.",
        "until the thirtieth of November twenty twenty six, at midnight at the end of the day."
    )]
    #[case("2023-01 to 2023-03", "January twenty twenty three to March twenty twenty three")]
    #[case("in January 2005", "in January two thousand and five")]
    #[case("please call 12333.", "please call one two three three three.")]
    #[case("at 8.2% or 100%", "at eight point two percent or one hundred percent")]
    #[case("a top-up: 3 months", "a top up, three months")]
    #[case("1 to 1000 characters", "one to one thousand characters")]
    #[case("3****************6", "three hidden six")]
    #[case("the agency’s answer", "the agency's answer")]
    #[case("7K3M-9QXT", "seven K three M nine Q X T")]
    fn english_is_said_in_words_as_well(#[case] text: &str, #[case] said: &str) {
        assert_eq!(aloud(Language::English, text), said);
    }

    /// What may be left: letters (a name is said as it is written) and the marks of a pause.
    fn unspeakable(language: Language, said: &str) -> Option<char> {
        said.chars().find(|mark| {
            let pause = match language {
                Language::Chinese => ",;?!。,;?! ",
                Language::English => ",.;?!' ",
            };
            !mark.is_alphabetic() && !pause.contains(*mark)
        })
    }

    /// Values of every kind that faces put into sentences.
    fn value() -> impl Strategy<Value = String> {
        let amount = (0_u32..100_000_000).prop_map(|fen| format!("{}.{:02}", fen / 100, fen % 100));
        let day = (1990_u16..2200, 1_u8..13, 1_u8..29);
        let date = day.clone().prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}"));
        let chinese = day.clone().prop_map(|(y, m, d)| format!("{y}年{m}月{d}日 09:30"));
        let english = day.clone().prop_map(|(y, _, d)| format!("{d} March {y}, 24:00"));
        let month = day.clone().prop_map(|(y, m, _)| format!("{y}-{m:02}"));
        let moment = (day, 0_u8..25, 0_u8..60, 0_u8..60).prop_map(|((y, m, d), hour, min, sec)| {
            format!("{y}-{m:02}-{d:02} {hour:02}:{min:02}:{sec:02}")
        });
        prop_oneof![
            amount,
            date,
            month,
            moment,
            chinese,
            english,
            (0_u32..100_000).prop_map(|number| number.to_string()),
            "1[3-9][0-9]{9}",
            "0[0-9]{2,3}-[0-9]{7,8}",
            "[0-9]{1,3}(\\.[0-9]{1,2})?%",
            "[0-9A-Z]{1,3}\\*{3,16}[0-9X]{1,4}",
            "\\*{1,2}[三丰娜扎]",
            "[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}",
            "[a-z]{2}-[a-z]{3,8}-20[0-9]{2}",
            "无锡市人力资源和社会保障局",
        ]
    }

    proptest! {
        // Each case goes over more than a thousand texts.
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Over every sentence of the files, with values of every kind in its places.
        #[test]
        fn no_sentence_keeps_a_sign_or_a_figure(values in prop::collection::vec(value(), 8)) {
            for language in Language::ALL {
                for text in phrase::texts(language) {
                    let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
                    let fill = |(at, (name, _)): (usize, (&'static str, &str))| {
                        (name, values[at % values.len()].clone())
                    };
                    let filled = filled(text, &names.enumerate().map(fill).collect::<Vec<_>>());
                    let said = aloud(language, &filled);
                    prop_assert_eq!(unspeakable(language, &said), None, "{} <- {}", said, filled);
                    prop_assert!(!said.trim().is_empty(), "{}", filled);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_at_all_keeps_a_sign_or_a_figure(
            text in "[0-9a-z元年月日%¥.,:;/*+=×()“”年 -]{0,40}",
            wild in "\\PC{0,40}",
        ) {
            for language in Language::ALL {
                for text in [&text, &wild] {
                    let said = aloud(language, text);
                    prop_assert_eq!(unspeakable(language, &said), None, "{} <- {}", said, text);
                }
            }
        }

        #[test]
        fn different_amounts_sound_different(one in 0_u32..100_000_000, other in 0_u32..100_000_000) {
            for (language, unit) in [(Language::Chinese, "元"), (Language::English, "yuan")] {
                let said = |fen: u32| aloud(language, &format!("{}.{:02} {unit}", fen / 100, fen % 100));
                prop_assert_eq!(one == other, said(one) == said(other));
            }
        }

        #[test]
        fn different_moments_sound_different(one in 0_u32..1_440, other in 0_u32..1_440) {
            for language in Language::ALL {
                let said = |at: u32| aloud(language, &format!("2026-11-29 {:02}:{:02}", at / 60, at % 60));
                prop_assert_eq!(one == other, said(one) == said(other));
            }
        }
    }
}
