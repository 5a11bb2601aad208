//! The files of `cities/`, compiled in, so that the program needs nothing beside it.

pub(super) const CATALOGUE_TEXT: &str = include_str!("../../../../cities/catalogue.toml");

pub(super) const GUIDE_TEXT: &str = include_str!("../../../../cities/guide.toml");

/// Name and text of each file. A test compares this list with the folder.
macro_rules! files {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../../../cities/", $name))),)*]
    };
}

/// The files inside the program by name and text, the catalogue first.
pub fn embedded_texts() -> Vec<(&'static str, &'static str)> {
    let mut texts = vec![("catalogue.toml", CATALOGUE_TEXT), ("guide.toml", GUIDE_TEXT)];
    texts.extend(files! {
        "110000.toml"
        "310000.toml"
        "320100.toml"
        "320200.toml"
        "320500.toml"
        "440300.toml"
        "510100.toml"
        "policies/anhui.toml"
        "policies/chongqing.toml"
        "policies/fujian.toml"
        "policies/gansu.toml"
        "policies/guangdong.toml"
        "policies/jiangsu-pension.toml"
        "policies/jiangsu.toml"
        "policies/jiangxi.toml"
        "policies/shandong.toml"
        "policies/tianjin.toml"
        "policies/zhejiang.toml"
    });
    texts
}
