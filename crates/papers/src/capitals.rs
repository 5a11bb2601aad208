//! Amounts in Chinese capitals (大写金额), as cheques and receipts write them.

use kernel::Fen;

const FIGURES: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
const PLACES: [&str; 4] = ["", "拾", "佰", "仟"];
/// Names of the groups of four figures; `Fen::MAX` is ten billion yuan.
const GROUPS: [&str; 3] = ["", "万", "亿"];

/// `898.80` as `捌佰玖拾捌元捌角整`. Nothing is `零元整`.
///
/// An amount without fen ends in 整; a 零 stands for each run of skipped places between two that are
/// written, also between yuan and fen (`1000.05`: `壹仟元零伍分`).
pub fn capitals(amount: Fen) -> String {
    let (yuan, jiao, fen) = (amount.get() / 100, amount.get() / 10 % 10, amount.get() % 10);
    let mut text = whole(yuan);
    if !text.is_empty() {
        text.push('元');
    }
    match (jiao, fen) {
        (0, 0) if text.is_empty() => return "零元整".to_owned(),
        (0, 0) => text.push('整'),
        (jiao, 0) => text.extend([figure(jiao), '角', '整']),
        (0, fen) if text.is_empty() => text.extend([figure(fen), '分']),
        (0, fen) => text.extend(['零', figure(fen), '分']),
        (jiao, fen) => text.extend([figure(jiao), '角', figure(fen), '分']),
    }
    text
}

fn figure(value: i64) -> char {
    usize::try_from(value).ok().and_then(|value| FIGURES.get(value)).copied().unwrap_or('零')
}

/// The whole yuan, empty for none.
fn whole(yuan: i64) -> String {
    let mut text = String::new();
    let mut skipped = false;
    for (group, name) in GROUPS.iter().enumerate().rev() {
        let unit = 10_i64.pow(4 * u32::try_from(group).unwrap_or(0));
        // The highest group takes all that is left.
        let four = if group + 1 == GROUPS.len() { yuan / unit } else { yuan / unit % 10_000 };
        if four == 0 {
            skipped = true;
            continue;
        }
        for (place, place_name) in PLACES.iter().enumerate().rev() {
            let value = four / 10_i64.pow(u32::try_from(place).unwrap_or(0)) % 10;
            if value == 0 {
                skipped = true;
                continue;
            }
            if skipped && !text.is_empty() {
                text.push('零');
            }
            skipped = false;
            text.push(figure(value));
            text.push_str(place_name);
        }
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("898.80", "捌佰玖拾捌元捌角整")]
    #[case("404.46", "肆佰零肆元肆角陆分")]
    #[case("10785.60", "壹万零柒佰捌拾伍元陆角整")]
    #[case("4808.40", "肆仟捌佰零捌元肆角整")]
    #[case("1400.00", "壹仟肆佰元整")]
    #[case("1000.05", "壹仟元零伍分")]
    #[case("0.00", "零元整")]
    #[case("0.05", "伍分")]
    #[case("0.50", "伍角整")]
    #[case("0.55", "伍角伍分")]
    #[case("10.00", "壹拾元整")]
    #[case("10.01", "壹拾元零壹分")]
    #[case("20003.40", "贰万零叁元肆角整")]
    #[case("100000.00", "壹拾万元整")]
    #[case("1000001.10", "壹佰万零壹元壹角整")]
    #[case("10010010.00", "壹仟零壹万零壹拾元整")]
    #[case("100000000.00", "壹亿元整")]
    #[case("100000001.00", "壹亿零壹元整")]
    #[case("1000100000.00", "壹拾亿零壹拾万元整")]
    fn amounts_are_written_out(#[case] yuan: &str, #[case] text: &str) {
        assert_eq!(capitals(Fen::from_yuan(yuan).unwrap()), text);
    }

    /// Reads capitals back without knowing how they are written.
    fn read(text: &str) -> i64 {
        let (mut total, mut section, mut figure) = (0_i64, 0_i64, 0_i64);
        for sign in text.chars() {
            let unit = match sign {
                '拾' => 10,
                '佰' => 100,
                '仟' => 1_000,
                '万' | '亿' => {
                    let unit = if sign == '万' { 10_000 } else { 100_000_000 };
                    total += (section + figure) * unit;
                    (section, figure) = (0, 0);
                    continue;
                }
                '元' => {
                    total = (total + section + figure) * 100;
                    (section, figure) = (0, 0);
                    continue;
                }
                '角' => {
                    total += figure * 10;
                    figure = 0;
                    continue;
                }
                '分' => {
                    total += figure;
                    figure = 0;
                    continue;
                }
                '整' => continue,
                sign => {
                    let place = FIGURES.iter().position(|known| *known == sign).unwrap();
                    figure = i64::try_from(place).unwrap();
                    continue;
                }
            };
            section += figure * unit;
            figure = 0;
        }
        total
    }

    proptest! {
        #[test]
        fn capitals_say_the_amount(fen in prop_oneof![0..=Fen::MAX.get(), 0..1_000_000_i64]) {
            let amount = Fen::new(fen).unwrap();
            let text = capitals(amount);
            prop_assert_eq!(read(&text), fen, "{}", text);
            prop_assert!(!text.contains("零零"), "{}", text);
            prop_assert!(!text.contains("零元") || fen < 100, "{}", text);
            prop_assert_eq!(text.ends_with('整'), fen % 10 == 0, "{}", text);
        }
    }
}
