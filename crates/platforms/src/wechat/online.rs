//! What only WeChat can tell about an account: whether it believes our signature, whether we believe its
//! own, and whether its content opens with our APIv3 key. Moves no money.

use super::{
    WechatMerchant,
    certificates::BadList,
    client::{Listing, UNVERIFIED, Unlisted},
    skew::NOTICED,
};
use crate::{ChannelError, Finding, Gravity};

/// From here on WeChat refuses everything.
const REFUSED: u64 = 300;

/// What each kind of trouble is about.
const CONTENT_KEY: &str = "apiv3_key_file";
const CLOCK: &str = "clock";
const OURS: &str = "merchant_key_file, merchant_serial or the clock";
const THEIRS: &str = "public_key_file or platform_certificate_files";

impl WechatMerchant {
    /// Asks WeChat for its list of certificates, which opens with the APIv3 key alone, and for an echo,
    /// which proves all other keys and both clocks. Everything that it finds is named by the setting
    /// that mends it.
    pub async fn examine_online(&self) -> Vec<Finding> {
        let listed = match self.client.list_certificates().await {
            // One in a thousand answers is a probe with a wrong signature.
            Err(Unlisted::Failed(ChannelError::Unknown(_))) => {
                self.client.list_certificates().await
            }
            listed => listed,
        };
        let message = "city-services doctor";
        let echoed = match self.self_test(message, None).await {
            Err(ChannelError::Unknown(_)) => self.self_test(message, None).await,
            echoed => echoed,
        };
        let skew = self.client.skew_seconds().unwrap_or_default();
        let mut findings: Vec<Finding> = clock(skew).into_iter().collect();
        let stopped = skew.unsigned_abs() >= REFUSED;
        let mut note = |finding: Finding| {
            // A clock that stops everything is the cause of everything that the clock explains.
            let explained = stopped && (finding.setting == OURS || finding.setting == THEIRS);
            if !explained && !findings.contains(&finding) {
                findings.push(finding);
            }
        };
        match listed {
            Ok(Listing::Certificates) => {}
            Ok(Listing::Nothing) => note(Finding::new(
                Gravity::Attention,
                CONTENT_KEY,
                "cannot be proven from here: WeChat has no platform certificates for this merchant, \
                 and no callback reaches a doctor; the first notification will show it",
            )),
            Err(Unlisted::Bad(BadList::Undecryptable)) => note(Finding::new(
                Gravity::Broken,
                CONTENT_KEY,
                "does not open what WeChat encrypts: it is not the APIv3 key that is set on the \
                 merchant platform",
            )),
            Err(Unlisted::Bad(bad)) => {
                note(Finding::new(Gravity::Broken, "the platform", bad.text()));
            }
            Err(Unlisted::Failed(error)) => note(finding(&error)),
        }
        if let Err(error) = echoed {
            note(finding(&error));
        }
        findings
    }
}

fn clock(skew: i64) -> Option<Finding> {
    let seconds = skew.unsigned_abs();
    let side = if skew > 0 { "behind" } else { "ahead of" };
    let sentence = format!("this machine's clock is {seconds} s {side} WeChat's");
    if seconds <= NOTICED {
        return None;
    }
    let (gravity, sentence) = if seconds < REFUSED {
        (Gravity::Attention, format!("{sentence}; at {REFUSED} s nothing works any more"))
    } else {
        (Gravity::Broken, format!("{sentence}, and {REFUSED} s are too many: set it by NTP"))
    };
    Some(Finding::new(gravity, CLOCK, sentence))
}

fn finding(error: &ChannelError) -> Finding {
    let (setting, sentence) = match error {
        ChannelError::Misconfigured(code) if code == "SIGN_ERROR" || code == "HTTP 401" => {
            (OURS, format!("WeChat does not believe our signature ({code})"))
        }
        ChannelError::Unknown(why) if why.starts_with(UNVERIFIED) => {
            (THEIRS, format!("WeChat's own signature does not verify ({why})"))
        }
        other => ("the platform", other.to_string()),
    };
    Finding::new(Gravity::Broken, setting, sentence)
}
