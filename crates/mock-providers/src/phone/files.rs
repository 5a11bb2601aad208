//! The page's files, part of the program.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        /// Each file under `crates/mock-providers/phone`: path and content.
        const FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("../../phone/", $path)))),*];
    };
}

files! {
    "icon.svg",
    "index.html",
    "js/api.js",
    "js/dom.js",
    "js/focus.js",
    "js/main.js",
    "js/memory.js",
    "js/money.js",
    "js/panel/books.js",
    "js/panel/entries.js",
    "js/panel/mocks.js",
    "js/panel/panel.js",
    "js/panel/timeline.js",
    "js/panel/watched.js",
    "js/parts/bill.js",
    "js/parts/busy.js",
    "js/parts/city-search.js",
    "js/parts/documents.js",
    "js/parts/explanation.js",
    "js/parts/fields.js",
    "js/parts/foot.js",
    "js/parts/gaps.js",
    "js/parts/guide.js",
    "js/parts/hiding.js",
    "js/parts/mobile.js",
    "js/parts/months.js",
    "js/parts/order-view.js",
    "js/parts/pieces.js",
    "js/parts/problem.js",
    "js/parts/proof.js",
    "js/parts/rail.js",
    "js/parts/real-name.js",
    "js/parts/saving.js",
    "js/parts/sheet.js",
    "js/parts/slot.js",
    "js/parts/sources.js",
    "js/parts/standards.js",
    "js/parts/trail.js",
    "js/parts/unfinished.js",
    "js/router.js",
    "js/screens/bills.js",
    "js/screens/cashier.js",
    "js/screens/cities.js",
    "js/screens/closed.js",
    "js/screens/confirm.js",
    "js/screens/family.js",
    "js/screens/guide.js",
    "js/screens/home.js",
    "js/screens/login.js",
    "js/screens/me.js",
    "js/screens/new-person.js",
    "js/screens/objections.js",
    "js/screens/order.js",
    "js/screens/people.js",
    "js/screens/quote.js",
    "js/screens/records.js",
    "js/screens/reminders.js",
    "js/screens/rights.js",
    "js/screens/tiers.js",
    "js/screens/topup.js",
    "js/screens/voucher.js",
    "js/typeset.js",
    "js/words.js",
    "js/words/en.js",
    "js/words/zh-CN.js",
    "style/base.css",
    "style/panel.css",
    "style/parts.css",
    "style/screens.css",
    "style/tokens.css",
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// A file of the page, or 404. Nothing is read from the disk, so no path leads anywhere else.
pub(super) fn answer(path: &str) -> Response {
    match FILES.iter().find(|(known, _)| *known == path) {
        Some((path, content)) => {
            // Another build of the program has another page; it is small and comes from this machine.
            let headers =
                [(header::CONTENT_TYPE, media_type(path)), (header::CACHE_CONTROL, "no-cache")];
            (headers, *content).into_response()
        }
        None => super::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    fn on_disk(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                on_disk(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let mut found = BTreeSet::new();
        on_disk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("phone"), "", &mut found);
        let served: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(served, found);
    }

    /// What would need another origin or a build step, or would not pass the page's own policy.
    #[test]
    fn the_page_loads_nothing_from_outside_and_has_no_inline_code() {
        for (path, content) in FILES {
            let text = std::str::from_utf8(content).unwrap();
            let foreign = text.match_indices("://").filter(|(at, _)| {
                let after = &text[at + 3..];
                !after.starts_with("www.w3.org/") && !after.starts_with('x')
            });
            // `^https?:` patterns name no address.
            assert_eq!(foreign.count(), 0, "{path} names another origin");
            for inline in [" style=\"", "<script>", "onclick=\"", "@import", "innerHTML", "eval("] {
                assert!(!text.contains(inline), "{path} has {inline}");
            }
        }
    }

    #[test]
    fn a_module_is_short_enough_to_read() {
        for (path, content) in FILES.iter().filter(|(path, _)| path.ends_with(".js")) {
            let lines = content.iter().filter(|byte| **byte == b'\n').count();
            assert!(lines <= 300, "{path} has {lines} lines, 300 is the most");
        }
    }
}
