//! The project's own files, read as text, for the tests that look at the source itself.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` in a fixed order, without what tools put there: hidden folders other
/// than our own, build output (which carries the tag of a cache) and packages of other languages.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let entry = entry.expect("a folder that can be read");
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().unwrap_or_else(|| panic!("{}: a name in UTF-8", path.display()));
        if entry.file_type().expect("a kind of file").is_dir() {
            let hidden = name.starts_with('.') && !matches!(name, ".ci" | ".config" | ".github");
            if !hidden && name != "node_modules" && !path.join("CACHEDIR.TAG").exists() {
                found.extend(files(&path));
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path as the reader of a failure wants it: from the root, with slashes.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The same text with comments and the content of literals blanked out, line by line as before.
pub fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(source.len());
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let mut i = 0;
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => line_end(&chars, i),
            '/' if at(i + 1) == '*' => comment_end(&chars, i),
            '"' => string_end(&chars, i),
            'r' if !word(i.checked_sub(1).map_or(' ', at), "b")
                && raw_fence(&chars, i).is_some() =>
            {
                raw_end(&chars, i)
            }
            // A quote opens a character only when it closes again; otherwise it names a lifetime.
            '\'' if at(i + 1) == '\\' => char_end(&chars, i),
            '\'' if at(i + 2) == '\'' => i + 3,
            c => {
                out.push(c);
                i += 1;
                continue;
            }
        };
        out.extend(chars[i..end].iter().map(|c| blank(*c)));
        i = end;
    }
    out
}

/// Whether `c` continues a word; the letters in `except` are taken for a prefix instead.
fn word(c: char, except: &str) -> bool {
    (c.is_alphanumeric() || c == '_') && !except.contains(c)
}

fn line_end(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| from + n)
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let (mut i, mut depth) = (from + 2, 1);
    while depth > 0 && i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    i.min(chars.len())
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut i = from + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

fn char_end(chars: &[char], from: usize) -> usize {
    // The escaped character itself may be a quote, so the search begins behind it.
    chars.iter().skip(from + 3).position(|c| *c == '\'').map_or(chars.len(), |n| from + 4 + n)
}

/// The number of `#` of a raw string that begins at `from`, if one does.
fn raw_fence(chars: &[char], from: usize) -> Option<usize> {
    let fence = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(from + 1 + fence) == Some(&'"')).then_some(fence)
}

fn raw_end(chars: &[char], from: usize) -> usize {
    let fence = raw_fence(chars, from).unwrap_or(0);
    let mut i = from + fence + 2;
    while i < chars.len() {
        if chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= fence {
            return i + 1 + fence;
        }
        i += 1;
    }
    chars.len()
}

/// `code` without the items under `#[cfg(test)]`. How long tests are and what they import is another
/// question than for the code itself.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        out.push_str(&rest[..start]);
        let item = &rest[start..];
        let mut depth = 0;
        let mut end = item.len();
        for (i, c) in item.char_indices().skip(MARK.len()) {
            match c {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 && (c == ';' || c == '}') {
                end = i + 1;
                break;
            }
        }
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// The modules that `code` declares.
pub fn modules(code: &str) -> BTreeSet<&str> {
    let words: Vec<&str> = code
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(2).filter(|pair| pair[0] == "mod").map(|pair| pair[1]).collect()
}
