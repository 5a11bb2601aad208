//! What a subscription message may say in each place of its template (wechat §6.6): the letters of a key are
//! its kind, the number tells two of a kind apart.

/// Whether a value obeys the rule of its key; a key that is none has no value that fits.
pub(super) fn value_fits(key: &str, value: &str) -> bool {
    let kind = key.trim_end_matches(|c: char| c.is_ascii_digit());
    if kind.len() == key.len() || value.chars().any(char::is_control) {
        return false;
    }
    let count = value.chars().count();
    let all = |fits: fn(char) -> bool| value.chars().all(fits);
    match kind {
        "thing" => count <= 20,
        "number" => count <= 32 && is_decimal(value),
        "letter" => count <= 32 && all(|c| c.is_ascii_alphabetic()),
        "symbol" => count <= 5 && all(|c| !c.is_alphanumeric() && !c.is_whitespace()),
        "character_string" => count <= 32 && !value.chars().any(is_chinese),
        "phrase" => count <= 5 && all(is_chinese),
        "time" => is_range(value, is_time),
        "date" => is_range(value, is_date),
        "amount" => is_amount(value),
        "phone_number" => {
            count <= 17 && all(|c| c.is_ascii_digit() || "+-*#() ".contains(c)) && has_digit(value)
        }
        "car_number" => count <= 8 && all(|c| c.is_ascii_alphanumeric() || is_chinese(c)),
        "name" => {
            let latin = all(|c| c.is_ascii_alphabetic() || " .'-".contains(c));
            (latin && count <= 20) || (count <= 10 && all(|c| is_chinese(c) || c == '·'))
        }
        // The mock knows no templates, and so no words of an enumeration.
        "enum" => count <= 20,
        _ => false,
    }
}

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || ('\u{3400}'..='\u{4dbf}').contains(&c)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    match text.split_once('.') {
        Some((whole, part)) => is_digits(whole) && is_digits(part),
        None => is_digits(text),
    }
}

/// A sign of a currency perhaps, ten digits with a point perhaps, 元 perhaps.
fn is_amount(text: &str) -> bool {
    let number = text.strip_suffix('元').unwrap_or(text);
    let mut rest = number.chars();
    let first = rest.next();
    let number = match first {
        Some(c) if !c.is_ascii_digit() && !c.is_alphanumeric() && c != '.' => rest.as_str(),
        _ => number,
    };
    is_decimal(number) && number.bytes().filter(u8::is_ascii_digit).count() <= 10
}

/// One moment, or two with `~` between them.
fn is_range(text: &str, is_moment: fn(&str) -> bool) -> bool {
    match text.split_once('~') {
        Some((from, to)) => is_moment(from.trim()) && is_moment(to.trim()),
        None => is_moment(text),
    }
}

fn number(text: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let number = text.parse().ok().filter(|_| is_digits(text))?;
    range.contains(&number).then_some(number)
}

/// `15:01`, or with seconds, by a clock of 24 hours.
fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let (Some(hour), Some(minute)) = (parts.first(), parts.get(1)) else { return false };
    parts.len() <= 3
        && number(hour, 0..=23).is_some()
        && number(minute, 0..=59).is_some()
        && parts.get(2).is_none_or(|second| number(second, 0..=59).is_some())
}

/// `2019年10月1日`, or with hyphens.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = match text.strip_suffix('日') {
        Some(text) => text.split(['年', '月']).collect(),
        None => text.split('-').collect(),
    };
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month)) = (number(year, 1_000..=9_999), number(month, 1..=12)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    number(day, 1..=length).is_some()
}

/// A clock time; a day may stand before it.
fn is_time(text: &str) -> bool {
    match text.rsplit_once(' ') {
        Some((day, clock)) => is_day(day) && is_clock(clock),
        None => is_clock(text),
    }
}

/// A day; a clock time may stand behind it.
fn is_date(text: &str) -> bool {
    match text.split_once(' ') {
        Some((day, clock)) => is_day(day) && is_clock(clock),
        None => is_day(text),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("thing1", "社保缴费成功", true)]
    #[case("thing1", "一二三四五六七八九十一二三四五六七八九十一", false)]
    #[case("thing1", "两\n行", false)]
    #[case("thing", "没有编号", false)]
    #[case("number1", "12.5", true)]
    #[case("number1", "1.2.3", false)]
    #[case("number1", "-1", false)]
    #[case("letter1", "abc", true)]
    #[case("letter1", "ab1", false)]
    #[case("symbol1", "+-=", true)]
    #[case("symbol1", "社保", false)]
    #[case("amount2", "898.80元", true)]
    #[case("amount2", "¥898.80元", true)]
    #[case("amount2", "$1", true)]
    #[case("amount2", "¥$1", false)]
    #[case("amount2", "ab1c", false)]
    #[case("amount2", "12345678901", false)]
    #[case("character_string3", "SI2026", true)]
    #[case("character_string3", "社保", false)]
    #[case("phrase4", "缴费成功啦", true)]
    #[case("phrase4", "缴费成功啦啦", false)]
    #[case("phrase4", "ab1", false)]
    #[case("time5", "15:01", true)]
    #[case("time5", "2019年10月1日 15:01", true)]
    #[case("time5", "2026-01-01 08:00:05", true)]
    #[case("time5", "2019年10月1日 15:01~16:00", true)]
    #[case("time5", "25:99", false)]
    #[case("time5", "1", false)]
    #[case("time5", "2019年10月1日", false)]
    #[case("time5", "1:00~2:00~3:00", false)]
    #[case("date6", "2019年10月1日", true)]
    #[case("date6", "2019年10月1日 15:01", true)]
    #[case("date6", "2024-02-29", true)]
    #[case("date6", "2026-02-29", false)]
    #[case("date6", "7", false)]
    #[case("date6", "15:01", false)]
    #[case("phone_number7", "+86-0766-66888866", true)]
    #[case("phone_number7", "电话", false)]
    #[case("car_number8", "粤A8Z888挂", true)]
    #[case("car_number8", "粤A8Z8888挂", false)]
    #[case("name9", "张三", true)]
    #[case("name9", "Zhang San", true)]
    #[case("name9", "张三1", false)]
    #[case("enum10", "已缴", true)]
    #[case("invented1", "x", false)]
    fn values_obey_the_rule_of_their_key(
        #[case] name: &str,
        #[case] value: &str,
        #[case] fits: bool,
    ) {
        assert_eq!(value_fits(name, value), fits, "{name} {value}");
    }
}
