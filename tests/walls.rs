//! Keeps the walls between the rooms (`docs/rooms.md`).
//!
//! Players: the crate graph that cargo resolved, the lines of the rooms that name other crates, and
//! the tables below. Promised: an arrow up or sideways, a web framework below the faces, a database
//! in a pure room or a banned crate fails here with a sentence that says which and why. The judging
//! functions take any graph and any text, so that the last section can show them failing.
//!
//! Deliberately absent: what the compiler already refuses, such as cycles.

#[path = "support/tree.rs"]
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, MetadataCommand};
use rstest::rstest;

const PROGRAM: &str = "city-services";
const SCHEMA: &str = "migrations";
const MOCKS: &str = "mock-providers";

/// Every room and its floor. A room imports rooms of lower floors only.
const FLOORS: &[(&str, u8)] = &[
    (PROGRAM, 5),
    ("miniprogram-api", 4),
    ("callbacks", 4),
    ("console", 4),
    ("reconciliation", 4),
    ("orders", 3),
    ("reminders", 3),
    ("policies", 2),
    ("platforms", 2),
    ("agency", 2),
    ("people", 2),
    ("kernel", 1),
    ("wording", 1),
    // These two stand outside: the database's shape, and the outside world played for demo and tests.
    (SCHEMA, 0),
    (MOCKS, 0),
];

/// Who may import the schema to build with; anyone may to test with.
const SCHEMA_USERS: &[&str] = &["people", "orders", "reminders", "reconciliation", PROGRAM];

/// Crates that do one kind of work, and the only rooms that do this work.
struct Trade {
    crates: &'static [&'static str],
    rooms: &'static [&'static str],
}

const TRADES: &[Trade] = &[
    // Answering HTTP: the faces.
    Trade {
        crates: &[
            "axum",
            "axum-core",
            "axum-extra",
            "tower-http",
            "utoipa-axum",
            "utoipa-swagger-ui",
        ],
        rooms: &["miniprogram-api", "callbacks", "console", MOCKS, PROGRAM],
    },
    // Calling out over HTTP. Not the faces: a notification needs nothing but the database.
    Trade { crates: &["reqwest"], rooms: &["platforms", "agency", MOCKS, PROGRAM] },
    // The database.
    Trade {
        crates: &["sea-orm", "sea-orm-migration", "sea-query", "sqlx"],
        rooms: &["people", "orders", "reminders", "reconciliation", SCHEMA, PROGRAM],
    },
    // Sessions.
    Trade { crates: &["redis"], rooms: &["miniprogram-api", PROGRAM] },
];

/// Rooms that compute and nothing else, and what they may not reach by any way round.
const PURE: &[&str] = &["kernel", "wording", "policies"];
const IMPURE: &[&str] =
    &["tokio", "reqwest", "hyper", "sea-orm", "sea-orm-migration", "sqlx", "axum", "redis"];

/// Crates that nobody brings in, with those whose own affair they are. `deny.toml` says why.
const BANNED: &[(&str, &[&str])] = &[
    ("aws-lc-rs", &[]),
    ("aws-lc-sys", &[]),
    ("openssl", &[]),
    ("openssl-sys", &[]),
    ("native-tls", &[]),
    ("jiff", &[]),
    ("chrono", &["sea-orm", "sea-orm-cli", "sea-query", "sqlx-", "arrow-"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Part of what is built and delivered; build scripts count as well.
    Normal,
    /// For tests only.
    Dev,
}

/// Who imports whom.
#[derive(Default)]
struct Graph {
    rooms: BTreeSet<String>,
    imports: BTreeMap<String, BTreeSet<(String, Kind)>>,
}

impl Graph {
    fn imports_of(&self, name: &str) -> impl Iterator<Item = (&str, Kind)> {
        self.imports.get(name).into_iter().flatten().map(|(import, kind)| (import.as_str(), *kind))
    }

    /// The shortest way from `start` to one of `ends` over what is delivered.
    fn way(&self, start: &str, ends: &[&str]) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([start.to_owned()]);
        let mut ways = VecDeque::from([vec![start.to_owned()]]);
        while let Some(way) = ways.pop_front() {
            let last = way.last().expect("a way has a beginning");
            for (import, kind) in self.imports_of(last) {
                if kind == Kind::Normal && seen.insert(import.to_owned()) {
                    let longer: Vec<String> =
                        way.iter().cloned().chain([import.to_owned()]).collect();
                    if ends.contains(&import) {
                        return Some(longer);
                    }
                    ways.push_back(longer);
                }
            }
        }
        None
    }
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// Why `room` may not import the room `import`; `None` when it may.
fn against_the_floors(room: &str, import: &str, kind: Kind) -> Option<String> {
    let (Some(from), Some(to)) = (floor(room), floor(import)) else {
        return Some("both need a floor: add the new room to FLOORS and docs/rooms.md".to_owned());
    };
    match (room, import) {
        (_, SCHEMA | MOCKS) if kind == Kind::Dev => None,
        (PROGRAM, MOCKS) => None,
        (_, MOCKS) => Some("only the program and tests play the outside world".to_owned()),
        (_, SCHEMA) if SCHEMA_USERS.contains(&room) => None,
        (_, SCHEMA) => Some(format!("only {} know the database's shape", SCHEMA_USERS.join(", "))),
        (MOCKS, "kernel") => None,
        (MOCKS, _) => Some("a mock that shares our code would share our mistakes".to_owned()),
        (SCHEMA, _) => Some("the schema lies below all rooms".to_owned()),
        _ if to > from => Some(format!("an arrow up, from floor {from} to floor {to}")),
        _ if to == from => Some(format!("an arrow sideways on floor {from}")),
        _ => None,
    }
}

/// Why `room` may not import the outside crate `import`; `None` when it may.
fn against_the_trades(room: &str, import: &str) -> Option<String> {
    if PURE.contains(&room) && IMPURE.contains(&import) {
        return Some("the room is pure".to_owned());
    }
    let trade = TRADES.iter().find(|trade| trade.crates.contains(&import))?;
    (!trade.rooms.contains(&room)).then(|| format!("only {} may", trade.rooms.join(", ")))
}

/// Every breach of the walls in `graph`, a sentence each.
fn breaches(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for room in &graph.rooms {
        if floor(room).is_none() {
            found.push(format!("{room} has no floor: add it to FLOORS and docs/rooms.md"));
            continue;
        }
        for (import, kind) in graph.imports_of(room) {
            let why = if graph.rooms.contains(import) {
                against_the_floors(room, import, kind)
            } else if kind == Kind::Normal {
                against_the_trades(room, import)
            } else {
                None
            };
            found.extend(why.map(|why| format!("{room} imports {import}: {why}")));
        }
        if PURE.contains(&room.as_str())
            && let Some(way) = graph.way(room, IMPURE)
            && way.len() > 2
        {
            found.push(format!("{room} is pure, yet there is a way: {}", way.join(" -> ")));
        }
    }
    for (name, imports) in &graph.imports {
        for (import, _) in imports {
            let banned = BANNED.iter().find(|(banned, _)| banned == import);
            if let Some((_, excused)) = banned
                && !excused.iter().any(|e| name == e || (e.ends_with('-') && name.starts_with(e)))
            {
                found.push(format!("{name} brings in {import}, which deny.toml bans"));
            }
        }
    }
    found
}

/// The words that code uses as parts of paths: next to `::`, or anywhere in a `use` line.
fn path_words(code: &str) -> BTreeSet<&str> {
    let mut words = BTreeSet::new();
    let mut in_use = false;
    let mut rest = code;
    let mut before = "";
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_' || c == ';') {
        let gap_has_path = ends_in_path(before, &rest[..start]);
        if rest[start..].starts_with(';') {
            in_use = false;
            before = ";";
            rest = &rest[start + 1..];
            continue;
        }
        let tail = &rest[start..];
        let len = tail.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tail.len());
        let (word, after) = tail.split_at(len);
        let next = after.trim_start();
        if (word == "use" && !next.starts_with('<')) || word == "extern" {
            in_use = true;
        } else if in_use || gap_has_path || next.starts_with("::") {
            words.insert(word);
        }
        before = word;
        rest = after;
    }
    words
}

/// Whether only `::` lies between the word before and the one after.
fn ends_in_path(before: &str, gap: &str) -> bool {
    before != ";" && gap.trim() == "::"
}

/// Every crate that `code` of `room` names past a wall. A room's own module may be called like
/// another room; then the word speaks of the module.
fn named_past_the_walls(room: &str, code: &str, own_modules: &BTreeSet<String>) -> Vec<String> {
    let words = path_words(code);
    let named = |name: &str| words.contains(name.replace('-', "_").as_str());
    let rooms = FLOORS
        .iter()
        .map(|(other, _)| *other)
        .filter(|other| *other != room && !own_modules.contains(&other.replace('-', "_")));
    let by_floor = rooms
        .filter(|other| named(other))
        .filter_map(|other| Some((other, against_the_floors(room, other, Kind::Normal)?)));
    let outside: BTreeSet<&str> =
        TRADES.iter().flat_map(|t| t.crates).chain(IMPURE).copied().collect();
    let by_trade = outside
        .into_iter()
        .filter(|name| named(name))
        .filter_map(|name| Some((name, against_the_trades(room, name)?)));
    let banned = BANNED
        .iter()
        .filter(|(name, _)| named(name))
        .map(|(name, _)| (*name, "deny.toml bans it".to_owned()));
    by_floor.chain(by_trade).chain(banned).map(|(name, why)| format!("{name}: {why}")).collect()
}

// --- the project as it stands ----------------------------------------------------------------

/// What cargo resolved for this machine. Rooms count with all that they declare, even what only
/// another system or a switched-off feature would build.
fn our_graph() -> (Graph, BTreeMap<String, PathBuf>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(&cargo).arg("-vV").output().expect("cargo answers").stdout;
    let version = String::from_utf8(version).expect("cargo speaks UTF-8");
    let host = version.lines().find_map(|l| l.strip_prefix("host: ")).expect("cargo has a host");
    let metadata = MetadataCommand::new()
        .cargo_path(cargo)
        .manifest_path(tree::root().join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform", host].map(String::from))
        .exec()
        .expect("cargo describes the workspace");

    let mut graph = Graph::default();
    let mut folders = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let name = package.name.to_string();
        let manifest = package.manifest_path.as_std_path();
        folders.insert(name.clone(), manifest.parent().expect("a folder").to_owned());
        let declared = package.dependencies.iter().map(|d| (d.name.clone(), kind(d.kind)));
        graph.imports.insert(name.clone(), declared.collect());
        graph.rooms.insert(name);
    }
    for node in metadata.resolve.as_ref().expect("a resolved graph").nodes.iter() {
        let imports = graph.imports.entry(metadata[&node.id].name.to_string()).or_default();
        for dep in &node.deps {
            let name = metadata[&dep.pkg].name.to_string();
            imports.extend(dep.dep_kinds.iter().map(|k| (name.clone(), kind(k.kind))));
        }
    }
    (graph, folders)
}

fn kind(kind: DependencyKind) -> Kind {
    if kind == DependencyKind::Development { Kind::Dev } else { Kind::Normal }
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "the walls are broken:\n- {}", breaches.join("\n- "));
}

#[test]
fn every_arrow_points_down() {
    let (graph, _) = our_graph();
    assert!(graph.rooms.contains(PROGRAM) && graph.rooms.contains("kernel"), "an empty graph");
    assert_none(&breaches(&graph));
}

#[test]
fn no_line_names_a_crate_past_the_walls() {
    let (_, folders) = our_graph();
    let mut found = Vec::new();
    for (room, folder) in &folders {
        let files = room_files(folder);
        assert!(!files.is_empty(), "{room} has no source");
        let all: Vec<String> = files.iter().map(|file| tree::code(&read(file))).collect();
        let own: BTreeSet<String> =
            all.iter().flat_map(|code| tree::modules(code)).map(String::from).collect();
        let tests: BTreeSet<String> = all.iter().flat_map(|code| test_modules(code)).collect();
        for (file, code) in files.iter().zip(&all) {
            if is_below(file.strip_prefix(folder).expect("inside"), &tests) {
                continue;
            }
            for breach in named_past_the_walls(room, &tree::without_tests(code), &own) {
                found.push(format!("{} names {breach}", tree::shown(file)));
            }
        }
    }
    assert_none(&found);
}

#[test]
fn every_room_is_explained() {
    let (graph, _) = our_graph();
    let page = read(&tree::root().join("docs/rooms.md"));
    let missing: Vec<String> = (graph.rooms.iter())
        .filter(|room| !page.contains(&format!("`{room}`")))
        .map(|room| format!("docs/rooms.md does not name `{room}`"))
        .collect();
    assert_none(&missing);
}

/// The Rust files of the room in `folder`.
fn room_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = tree::files(&folder.join("src"));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The modules in files of their own that exist only in tests.
fn test_modules(code: &str) -> BTreeSet<String> {
    let production = tree::without_tests(code);
    let production = tree::modules(&production);
    tree::modules(code)
        .into_iter()
        .filter(|name| !production.contains(name))
        .map(String::from)
        .collect()
}

/// Whether `file`, named from its room's folder, belongs to one of `modules`.
fn is_below(file: &Path, modules: &BTreeSet<String>) -> bool {
    file.with_extension("").iter().any(|part| part.to_str().is_some_and(|p| modules.contains(p)))
}

// --- the walls can fail ----------------------------------------------------------------------

/// A made-up graph: what has a floor or is called `new-…` is a room, `dev:` marks test imports.
fn made_up(lines: &[(&str, &[&str])]) -> Graph {
    let mut graph = Graph::default();
    for (name, imports) in lines {
        if floor(name).is_some() || name.starts_with("new-") {
            graph.rooms.insert((*name).to_owned());
        }
        let entry = graph.imports.entry((*name).to_owned()).or_default();
        for import in *imports {
            let (import, kind) = match import.strip_prefix("dev:") {
                Some(import) => (import, Kind::Dev),
                None => (*import, Kind::Normal),
            };
            entry.insert((import.to_owned(), kind));
            if floor(import).is_some() {
                graph.rooms.insert(import.to_owned());
            }
        }
    }
    graph
}

#[rstest]
#[case::up("agency", "orders", "an arrow up, from floor 2 to floor 3")]
#[case::up_from_the_ground("kernel", "policies", "an arrow up, from floor 1 to floor 2")]
#[case::up_in_tests_too("orders", "dev:callbacks", "an arrow up, from floor 3 to floor 4")]
#[case::up_to_the_program("callbacks", "city-services", "an arrow up, from floor 4 to floor 5")]
#[case::sideways("people", "agency", "an arrow sideways on floor 2")]
#[case::sideways_between_faces("callbacks", "miniprogram-api", "an arrow sideways on floor 4")]
#[case::web_below_the_faces("orders", "axum", "only miniprogram-api, callbacks")]
#[case::web_beside_the_faces("reconciliation", "tower-http", "only miniprogram-api, callbacks")]
#[case::database_in_a_client("platforms", "sea-orm", "only people, orders")]
#[case::database_in_a_face("callbacks", "sea-orm", "only people, orders")]
#[case::network_in_the_orders("orders", "reqwest", "only platforms, agency")]
#[case::network_in_the_callbacks("callbacks", "reqwest", "only platforms, agency")]
#[case::redis_in_the_callbacks("callbacks", "redis", "only miniprogram-api, city-services")]
#[case::runtime_in_a_pure_room("policies", "tokio", "the room is pure")]
#[case::database_in_a_pure_room("kernel", "sea-orm", "the room is pure")]
#[case::mocks_in_production("orders", "mock-providers", "only the program and tests")]
#[case::mocks_that_share_code("mock-providers", "platforms", "share our mistakes")]
#[case::schema_in_a_face("callbacks", "migrations", "know the database's shape")]
#[case::schema_with_a_room("migrations", "orders", "lies below all rooms")]
#[case::banned("platforms", "openssl", "deny.toml bans")]
#[case::banned_in_tests_too("platforms", "dev:chrono", "deny.toml bans")]
#[case::unknown_room("new-room", "kernel", "has no floor")]
fn a_broken_wall_is_found(#[case] room: &str, #[case] import: &str, #[case] why: &str) {
    let found = breaches(&made_up(&[(room, &[import])]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(room) && found[0].contains(why), "{found:?}");
}

#[rstest]
#[case::down("orders", "agency")]
#[case::down_two("callbacks", "kernel")]
#[case::the_program_wires_all("city-services", "mock-providers")]
#[case::a_face_speaks_http("callbacks", "axum")]
#[case::orders_store("orders", "sea-orm")]
#[case::schema_for_its_users("people", "migrations")]
#[case::schema_in_tests("agency", "dev:migrations")]
#[case::mocks_in_tests("platforms", "dev:mock-providers")]
#[case::any_tool_in_tests("policies", "dev:tokio")]
#[case::chrono_is_the_database_crate_s_affair("sqlx-core", "chrono")]
fn an_open_door_is_no_breach(#[case] room: &str, #[case] import: &str) {
    assert_eq!(breaches(&made_up(&[(room, &[import])])), Vec::<String>::new());
}

#[test]
fn a_pure_room_is_not_reached_by_a_way_round() {
    let found = breaches(&made_up(&[
        ("kernel", &["decimal"]),
        ("decimal", &["driver"]),
        ("driver", &["tokio"]),
    ]));
    assert_eq!(found, ["kernel is pure, yet there is a way: kernel -> decimal -> driver -> tokio"]);
    let in_tests = made_up(&[("kernel", &["decimal"]), ("decimal", &["dev:tokio"])]);
    assert_eq!(breaches(&in_tests), Vec::<String>::new());
}

#[rstest]
#[case::used("orders", "use axum::Router;", "axum")]
#[case::grouped("orders", "use {serde::Serialize, axum};", "axum")]
#[case::renamed("orders", "use axum as web;", "axum")]
#[case::re_exported("orders", "use platforms::reqwest::Client;", "reqwest")]
#[case::in_a_line("orders", "let c = platforms :: reqwest::get(url);", "reqwest")]
#[case::with_a_dash("policies", "fn f(_: sea_orm::Value) {}", "sea-orm")]
#[case::up("agency", "use orders::Orders;", "orders")]
#[case::by_its_old_name("orders", "extern crate axum;", "axum")]
#[case::behind_a_character("orders", "let c = '\"'; use axum::Router; let d = '\"';", "axum")]
fn a_line_past_the_walls_is_found(#[case] room: &str, #[case] line: &str, #[case] named: &str) {
    let found = named_past_the_walls(room, &tree::code(line), &BTreeSet::new());
    assert!(found.len() == 1 && found[0].starts_with(&format!("{named}: ")), "{found:?}");
}

#[rstest]
#[case::comment("// use axum::Router;")]
#[case::nested_comment("/* a /* b */ use axum::Router; */")]
#[case::text("let s = \"use axum::Router;\";")]
#[case::raw_text("let s = r#\"a \" use axum::Router;\"#;")]
#[case::a_plain_word("struct Wiring { redis: bool }")]
#[case::in_tests("#[cfg(test)]\nmod tests { use axum::Router; fn f() { } }")]
#[case::below_the_wall("use platforms::PaymentFact;")]
#[case::its_own_module("mod callbacks; use callbacks::Told;")]
fn an_honest_line_is_no_breach(#[case] line: &str) {
    let code = tree::code(line);
    let own = tree::modules(&code).into_iter().map(String::from).collect();
    let found = named_past_the_walls("orders", &tree::without_tests(&code), &own);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn code_behind_the_tests_counts_again() {
    let code = tree::code(
        "#[cfg(test)]\nuse a::B;\n#[cfg(test)]\nmod tests { fn f() {} }\nuse axum::Router;",
    );
    let found = named_past_the_walls("orders", &tree::without_tests(&code), &BTreeSet::new());
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_file_for_tests_alone_is_known() {
    let code = tree::code("mod order;\n#[cfg(test)]\nmod fixture;");
    let tests = test_modules(&code);
    assert_eq!(tests, BTreeSet::from(["fixture".to_owned()]));
    assert!(is_below(Path::new("src/fixture/town.rs"), &tests));
    assert!(!is_below(Path::new("src/order/table.rs"), &tests));
}
