//! How citizens and platforms find a city.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kernel::CityCode;
use policies::{Catalogue, City, Coordinates, Hint};
use proptest::prelude::*;
use rstest::rstest;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::embedded().expect("the embedded files are clean"));

fn code(text: &str) -> CityCode {
    CityCode::new(text).expect("a code")
}

fn city(text: &str) -> &'static City {
    CATALOGUE.city(&code(text)).expect("a city")
}

fn found(typed: &str) -> Vec<&'static str> {
    let found = CATALOGUE.search(typed, 400).expect("a short query");
    found.into_iter().map(City::short_name).collect()
}

#[test]
fn there_are_333_prefectures_and_4_municipalities() {
    assert_eq!(CATALOGUE.cities().len(), 337);
    let municipalities: Vec<_> = CATALOGUE
        .cities()
        .iter()
        .filter(|city| city.code().as_str().ends_with("0000"))
        .map(City::short_name)
        .collect();
    assert_eq!(municipalities, ["北京", "天津", "上海", "重庆"]);
}

#[rstest]
#[case("419000")]
#[case("429000")]
#[case("469000")]
#[case("659000")]
fn pseudo_codes_are_no_cities(#[case] pseudo: &str) {
    assert!(CATALOGUE.city(&code(pseudo)).is_none());
    let places = CATALOGUE.counties().iter().filter(|c| c.code.as_str()[..4] == pseudo[..4]);
    assert!(places.count() > 0, "their places stand under the province");
}

#[rstest]
#[case("429004", "仙桃市", "湖北省")]
#[case("419001", "济源市", "河南省")]
#[case("659001", "石河子市", "新疆维吾尔自治区")]
#[case("469001", "五指山市", "海南省")]
#[case("429021", "神农架林区", "湖北省")]
fn directly_administered_places_stand_under_their_province(
    #[case] place: &str,
    #[case] name: &str,
    #[case] province: &str,
) {
    let place = CATALOGUE.counties().iter().find(|c| c.code.as_str() == place).expect("a place");
    assert_eq!((place.name.as_str(), place.province.name.as_str()), (name, province));
    assert_eq!(place.city, None);
}

#[test]
fn no_city_stands_under_i_o_u_or_v() {
    let letters: String =
        CATALOGUE.cities().iter().map(City::letter).collect::<BTreeSet<_>>().iter().collect();
    assert_eq!(letters, "ABCDEFGHJKLMNPQRSTWXYZ");
    for letter in ["i", "o", "u", "v"] {
        assert!(found(letter).is_empty(), "{letter}");
    }
}

#[rstest]
#[case("320200", "无锡市", "无锡", "wuxi", "wx")]
#[case("222400", "延边朝鲜族自治州", "延边", "yanbian", "yb")]
#[case("422800", "恩施土家族苗族自治州", "恩施", "enshi", "es")]
#[case("433100", "湘西土家族苗族自治州", "湘西", "xiangxi", "xx")]
#[case("522300", "黔西南布依族苗族自治州", "黔西南", "qianxinan", "qxn")]
#[case("532800", "西双版纳傣族自治州", "西双版纳", "xishuangbanna", "xsbn")]
#[case("152500", "锡林郭勒盟", "锡林郭勒", "xilinguole", "xlgl")]
#[case("542500", "阿里地区", "阿里", "ali", "al")]
#[case("141100", "吕梁市", "吕梁", "lvliang", "ll")]
#[case("653000", "克孜勒苏柯尔克孜自治州", "克孜勒苏", "kezilesu", "kzls")]
fn names_spelling_and_initials(
    #[case] code: &str,
    #[case] name: &str,
    #[case] short: &str,
    #[case] pinyin: &str,
    #[case] initials: &str,
) {
    let city = city(code);
    assert_eq!(
        (city.name(), city.short_name(), city.pinyin(), city.initials()),
        (name, short, pinyin, initials)
    );
}

/// Character by character these come out wrong, or readers take them for something else.
#[rstest]
#[case("220100", "changchun")]
#[case("430100", "changsha")]
#[case("500000", "chongqing")]
#[case("350200", "xiamen")]
#[case("510100", "chengdu")]
#[case("540300", "changdu")]
#[case("440600", "foshan")]
#[case("340300", "bengbu")]
#[case("341500", "luan")]
#[case("140400", "changzhi")]
#[case("211300", "chaoyang")]
#[case("411100", "luohe")]
#[case("653100", "kashi")]
#[case("331000", "taizhou")]
#[case("331100", "lishui")]
#[case("341600", "bozhou")]
#[case("510500", "luzhou")]
#[case("330800", "quzhou")]
#[case("460400", "danzhou")]
#[case("431000", "chenzhou")]
#[case("410900", "puyang")]
#[case("350300", "putian")]
#[case("511100", "leshan")]
#[case("140200", "datong")]
fn readings_that_are_easily_wrong(#[case] code: &str, #[case] pinyin: &str) {
    assert_eq!(city(code).pinyin(), pinyin);
    assert!(found(pinyin).contains(&city(code).short_name()));
}

#[rstest]
#[case("513200", "abazang")]
#[case("513300", "ganzizang")]
#[case("533400", "diqingzang")]
#[case("623000", "gannanzang")]
#[case("632200", "haibeizang")]
#[case("632300", "huangnanzang")]
#[case("632500", "hainanzang")]
#[case("632600", "guoluozang")]
#[case("632700", "yushuzang")]
#[case("632800", "haiximengguzuzang")]
fn tibetan_is_zang_in_full_names(#[case] code: &str, #[case] typed: &str) {
    assert_eq!(found(typed), [city(code).short_name()]);
}

#[rstest]
#[case("suzhou", &["苏州", "宿州"])]
#[case("taizhou", &["泰州", "台州"])]
#[case("fuzhou", &["福州", "抚州"])]
#[case("yichun", &["伊春", "宜春"])]
#[case("yulin", &["玉林", "榆林"])]
fn cities_that_sound_alike_are_told_apart_by_province(#[case] typed: &str, #[case] names: &[&str]) {
    assert_eq!(found(typed), names);
    let provinces: BTreeSet<_> = CATALOGUE
        .search(typed, 9)
        .expect("a short query")
        .into_iter()
        .map(|city| city.province().name.as_str())
        .collect();
    assert_eq!(provinces.len(), names.len());
}

#[rstest]
#[case("cz", &["沧州", "长治", "常州", "滁州", "池州", "郴州", "潮州", "崇左"])]
#[case("sz", &["苏州", "深圳", "朔州", "宿州", "随州"])]
#[case("hz", &["杭州", "湖州", "菏泽", "惠州", "贺州", "汉中"])]
fn initials_find_every_city_that_has_them(#[case] typed: &str, #[case] names: &[&str]) {
    let found: Vec<_> = found(typed);
    for name in names {
        assert!(found.contains(name), "{name} in {found:?}");
    }
}

#[test]
fn among_equals_the_open_then_the_hot_come_first() {
    // 苏州 and 深圳 are open and hot, 深圳 the hotter one; then by code.
    assert_eq!(&found("sz")[..4], ["深圳", "苏州", "朔州", "宿州"]);
    assert_eq!(found("hz")[0], "杭州");
}

#[rstest]
#[case::exact_name("南通", "南通")]
#[case::exact_full_name("无锡市", "无锡")]
#[case::name_prefix("呼和", "呼和浩特")]
#[case::spelling("wuxi", "无锡")]
#[case::spelling_with_suffix("wuxishi", "无锡")]
#[case::syllables("wu'xi", "无锡")]
#[case::curly("wu’xi", "无锡")]
#[case::capitals("WuXi", "无锡")]
#[case::blanks("  wu xi ", "无锡")]
#[case::full_width("ｗｕｘｉ", "无锡")]
#[case::initials("wlmq", "乌鲁木齐")]
#[case::substring("无锡", "无锡")]
#[case::umlaut_as_v("lvliang", "吕梁")]
#[case::umlaut("lüliang", "吕梁")]
#[case::capital_umlaut("LÜLIANG", "吕梁")]
#[case::two_part_umlaut("lu\u{308}liang", "吕梁")]
#[case::umlaut_as_u("luliang", "吕梁")]
#[case::apostrophe("xi'an", "西安")]
fn people_type_in_many_ways(#[case] typed: &str, #[case] first: &str) {
    assert_eq!(found(typed).first(), Some(&first));
}

#[test]
fn v_means_only_the_umlaut() {
    assert_eq!(found("lv"), ["吕梁"]);
    assert!(found("lu").contains(&"吕梁") && found("lu").contains(&"六安"));
}

#[test]
fn better_matches_come_first() {
    // Exact name before name prefix.
    assert_eq!(found("海南")[0], "海南");
    // A name prefix before a substring.
    let found_an = found("安");
    assert!(
        found_an.iter().position(|n| *n == "安阳") < found_an.iter().position(|n| *n == "西安")
    );
    // Spelling prefix before initials: an… before cities whose syllables begin a, n.
    let found_an = found("an");
    assert_eq!(&found_an[..5], ["鞍山", "安庆", "安阳", "安顺", "安康"]);
    assert!(found_an.contains(&"淮安"), "a later syllable is found too");
    assert!(!found_an.contains(&"杭州"), "letters inside a syllable are not");
}

#[test]
fn long_queries_are_refused_and_empty_ones_find_nothing() {
    assert!(CATALOGUE.search(&"无".repeat(20), 10).is_ok());
    assert!(CATALOGUE.search(&"无".repeat(21), 10).is_err());
    for nothing in ["", "  ", "'", "%", "无锡%"] {
        assert_eq!(found(nothing), Vec::<&str>::new());
    }
    assert_eq!(CATALOGUE.search("a", 3).expect("short").len(), 3);
}

#[rstest]
#[case("无锡", "320200")]
#[case("无锡市", "320200")]
#[case(" 无锡 市 ", "320200")]
#[case("320200", "320200")]
#[case("３２０２００", "320200")]
#[case(" 320 200", "320200")]
#[case("320281", "320200")]
#[case("320213", "320200")]
#[case("310115", "310000")]
#[case("310000", "310000")]
#[case("110101", "110000")]
#[case("500236", "500000")]
#[case("上海市", "310000")]
#[case("延边", "222400")]
#[case("延边州", "222400")]
#[case("延边朝鲜族自治州", "222400")]
#[case("海南州", "632500")]
#[case("海南藏族自治州", "632500")]
#[case("吉林市", "220200")]
#[case("吉林", "220200")]
#[case("锡林郭勒盟", "152500")]
#[case("阿里", "542500")]
fn hints_of_platforms_are_understood(#[case] hint: &str, #[case] city: &str) {
    assert_eq!(CATALOGUE.resolve_hint(hint), Hint::City(code(city)));
}

#[rstest]
#[case("")]
#[case("  ")]
#[case("市")]
#[case("无")]
#[case("Wuxi")]
#[case("江苏省")]
#[case("江苏")]
#[case("320000")]
#[case("429004")]
#[case("429000")]
#[case("仙桃市")]
#[case("810000")]
#[case("710000")]
#[case("999999")]
#[case("3202")]
#[case("3202000")]
#[case("未知")]
#[case("null")]
fn what_is_not_recognised_is_no_city(#[case] hint: &str) {
    assert_eq!(CATALOGUE.resolve_hint(hint), Hint::NotFound);
}

#[test]
fn a_name_that_is_first_of_all_a_province_is_ambiguous() {
    assert_eq!(CATALOGUE.resolve_hint("海南"), Hint::Ambiguous(vec![code("632500")]));
}

fn suggested(latitude: &str, longitude: &str) -> Option<&'static str> {
    let place = Coordinates::from_degrees(latitude, longitude).expect("a place");
    let nearest = CATALOGUE.nearest(place)?;
    Some(CATALOGUE.city(&nearest.city).expect("a city").short_name())
}

/// Well-known places, not the seats themselves.
#[rstest]
#[case::lihu("31.53", "120.28", "无锡")]
#[case::yixing("31.36", "119.82", "无锡")]
#[case::tiananmen("39.9087", "116.3975", "北京")]
#[case::bund("31.24", "121.49", "上海")]
#[case::jiefangbei("29.558", "106.577", "重庆")]
#[case::tianjin_station("39.135", "117.21", "天津")]
#[case::west_lake("30.245", "120.15", "杭州")]
#[case::shenzhen_north("22.609", "114.029", "深圳")]
#[case::canton_tower("23.106", "113.3245", "广州")]
#[case::gulangyu("24.448", "118.063", "厦门")]
#[case::wuhan_university("30.538", "114.364", "武汉")]
#[case::lintong("34.367", "109.214", "西安")]
#[case::wanzhou("30.807", "108.409", "重庆")]
#[case::jiangyin("31.92", "120.285", "无锡")]
#[case::kunshan("31.385", "120.98", "苏州")]
#[case::ruoqiang("39.02", "88.17", "巴音郭楞")]
#[case::bell_tower("34.261", "108.942", "西安")]
#[case::chunxi_road("30.657", "104.08", "成都")]
#[case::harbin("45.76", "126.63", "哈尔滨")]
#[case::potala("29.6575", "91.117", "拉萨")]
#[case::urumqi("43.79", "87.6", "乌鲁木齐")]
#[case::kashgar("39.47", "75.99", "喀什")]
#[case::nagqu("31.48", "92.06", "那曲")]
#[case::sanya("18.25", "109.5", "三亚")]
#[case::yanji("42.9", "129.5", "延边")]
#[case::kunming("25.04", "102.71", "昆明")]
#[case::hohhot("40.84", "111.75", "呼和浩特")]
fn a_location_suggests_its_city(
    #[case] latitude: &str,
    #[case] longitude: &str,
    #[case] name: &str,
) {
    assert_eq!(suggested(latitude, longitude), Some(name));
}

#[rstest]
#[case::hong_kong("22.302", "114.177")]
#[case::macau("22.19", "113.54")]
#[case::taipei("25.033", "121.565")]
#[case::kaohsiung("22.63", "120.30")]
#[case::tokyo("35.68", "139.69")]
#[case::hanoi("21.03", "105.85")]
#[case::vladivostok("43.12", "131.89")]
#[case::ulan_bator("47.92", "106.92")]
#[case::new_york("40.71", "-74.0")]
#[case::nowhere("0", "0")]
#[case::pole("90", "0")]
#[case::date_line("-90", "-180")]
#[case::kekexili("35.3", "90.5")]
#[case::xiantao("30.365", "113.45")]
#[case::shihezi("44.30", "86.04")]
fn abroad_too_far_or_near_a_place_of_no_city_nothing_is_suggested(
    #[case] latitude: &str,
    #[case] longitude: &str,
) {
    assert_eq!(suggested(latitude, longitude), None);
}

#[test]
fn seven_cities_are_open() {
    let open: Vec<_> = CATALOGUE
        .cities()
        .iter()
        .filter(|city| CATALOGUE.is_open(city.code()))
        .map(City::short_name)
        .collect();
    assert_eq!(open, ["北京", "上海", "南京", "无锡", "苏州", "深圳", "成都"]);
    for pack in CATALOGUE.packs() {
        for service in &pack.open {
            let agency = pack.agency_for(service.insurance()).expect("the check demands one");
            assert!(agency.code.as_str().starts_with(pack.code.as_str()));
        }
    }
}

#[test]
fn hot_cities_come_in_their_order() {
    let hot: Vec<_> = CATALOGUE.hot_cities().into_iter().map(City::short_name).collect();
    assert_eq!(&hot[..4], ["北京", "上海", "广州", "深圳"]);
    assert!(hot.contains(&"无锡"));
}

#[test]
fn the_etag_changes_with_what_is_open_and_with_nothing_else() {
    let texts = policies::embedded_texts();
    let again = Catalogue::from_texts(&texts).expect("clean");
    assert_eq!(again.etag(), CATALOGUE.etag());

    let closed: Vec<_> = texts.iter().filter(|(name, _)| *name != "510100.toml").copied().collect();
    let closed = Catalogue::from_texts(&closed).expect("clean");
    assert_ne!(closed.etag(), CATALOGUE.etag());

    let fewer_services: Vec<(&str, String)> = texts
        .iter()
        .map(|(name, text)| {
            (*name, text.replace(r#""flex_medical", "resident_medical"]"#, r#""flex_medical"]"#))
        })
        .collect();
    let fewer_services = Catalogue::from_texts(&fewer_services).expect("clean");
    assert_ne!(fewer_services.etag(), CATALOGUE.etag());
}

proptest! {
    #[test]
    fn any_text_can_be_searched_and_hinted(text in ".{0,30}", limit in 0usize..400) {
        if let Ok(found) = CATALOGUE.search(&text, limit) {
            prop_assert!(found.len() <= limit);
        } else {
            prop_assert!(text.chars().count() > 20);
        }
        if let Hint::City(city) = CATALOGUE.resolve_hint(&text) {
            prop_assert!(CATALOGUE.city(&city).is_some());
        }
    }

    #[test]
    fn any_six_digits_resolve_to_a_listed_city_of_their_province_or_to_none(number in 0u32..1_000_000) {
        let hint = format!("{number:06}");
        match CATALOGUE.resolve_hint(&hint) {
            Hint::City(city) => {
                prop_assert!(CATALOGUE.city(&city).is_some());
                prop_assert_eq!(&city.as_str()[..2], &hint[..2]);
            }
            other => prop_assert_eq!(other, Hint::NotFound),
        }
    }

    #[test]
    fn any_place_on_the_map_gives_a_city_or_none(
        latitude in -900_000..=900_000i32,
        longitude in -1_800_000..=1_800_000i32,
    ) {
        let place = Coordinates::from_e4(latitude, longitude).expect("a place");
        if let Some(nearest) = CATALOGUE.nearest(place) {
            prop_assert!(CATALOGUE.city(&nearest.city).is_some());
        }
    }

    #[test]
    fn every_city_is_found_by_each_of_its_names(index in 0usize..337) {
        let city = &CATALOGUE.cities()[index];
        for typed in [city.name(), city.short_name(), city.pinyin(), city.initials()] {
            let found = CATALOGUE.search(typed, 400).expect("short");
            prop_assert!(found.contains(&city), "{typed}");
        }
        let by_code = CATALOGUE.resolve_hint(city.code().as_str());
        prop_assert_eq!(by_code, Hint::City(city.code().clone()));
        let by_name = CATALOGUE.resolve_hint(city.name());
        prop_assert_eq!(by_name, Hint::City(city.code().clone()));
    }
}
