//! A quote as text for a terminal: every step, and the total in the last line.

use std::fmt::{self, Write as _};

use wording::Language;

use super::{Choice, Quote, QuoteLine, Subject, Subtotal};
use crate::policy::{Confidence, Rounding};

impl Quote {
    /// Each run of like months with its steps, then notices, then the total. The last line is
    /// `合计 Total: 2696.40`.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let request = &self.request;
        match &request.subject {
            Subject::City { city, insurance, insured_kind } => writeln!(
                text,
                "试算 Quote: {city} {} {} ({insured_kind}, {insurance})",
                insured_kind.label(),
                insurance.label()
            )?,
            Subject::Policy { id } => writeln!(text, "试算 Quote: {id}")?,
        }
        let months = request.months;
        write!(text, "所属期 Months: {}..{} ({})", months.from(), months.to(), months.count())?;
        match &request.choice {
            Choice::Floor => writeln!(text, ", 最低标准 floor")?,
            Choice::Tier(no) => writeln!(text, ", 档次 tier {no}")?,
            Choice::Base(base) => writeln!(text, ", 基数 base {base}")?,
            Choice::Category(code) => writeln!(text, ", 类别 category {code}")?,
            Choice::TopUp(paid) => writeln!(text, ", 补差 top-up, 原基数 paid on {paid}")?,
        }
        for subtotal in &self.subtotals {
            let line = self.lines.iter().find(|line| line.period.from() == subtotal.period.from());
            if let Some(line) = line {
                write_group(text, subtotal, line)?;
            }
        }
        for notice in &self.notices {
            writeln!(text, "说明 Note: {}", notice.text(Language::Chinese))?;
        }
        if let Some(disclaimer) = &self.disclaimer {
            writeln!(text, "{disclaimer}")?;
        }
        write!(text, "合计 Total: {}", self.total)
    }
}

fn write_group(text: &mut String, subtotal: &Subtotal, line: &QuoteLine) -> fmt::Result {
    let Subtotal { period, policy, version, count, each, amount } = subtotal;
    let confidence = match line.confidence {
        Confidence::Confirmed => "两处来源 confirmed",
        Confidence::OneSource => "单一来源 one source",
    };
    let provisional = if line.provisional { ", 暂行 provisional" } else { "" };
    writeln!(text)?;
    writeln!(
        text,
        "{}..{}  {policy} v{version} ({confidence}{provisional})",
        period.from(),
        period.to()
    )?;
    if let Some(base) = line.base {
        let tier = line.tier.map_or_else(String::new, |no| format!(" (第{no}档)"));
        writeln!(text, "  缴费基数 base {base}{tier}")?;
    }
    for step in &line.steps {
        writeln!(text, "  {} {}: {} → {}", step.name, step.code, step.expression, step.amount)?;
    }
    match line.rounding {
        Rounding::HalfUpJiao => {
            writeln!(text, "  合计到角 to the jiao: {} → {}", line.sum, line.amount)?
        }
        Rounding::HalfUpFen | Rounding::Published if line.steps.len() > 1 => {
            writeln!(text, "  每期合计 sum: {}", line.amount)?;
        }
        Rounding::HalfUpFen | Rounding::Published => {}
    }
    if let (Some(account), Some(pool)) = (line.personal_account, line.pool) {
        writeln!(text, "  其中 of which: 个人账户 account {account}, 统筹 pool {pool}")?;
    }
    writeln!(text, "  小计 Subtotal: {count} × {each} = {amount}")
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}
