//! Values of options: spans of time, sizes, pools, columns.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
pub use poolmon_model::units::{
    parse_bytes as bytes, parse_interval as interval, parse_number as number, parse_percent as percent,
    parse_span as span,
};
use poolmon_model::{Pool, PoolView, column};
use poolmon_read::DateOrder;

/// `--pool`.
pub fn pool() -> impl clap::builder::TypedValueParser<Value = PoolView> {
    let views = [PoolView::All, PoolView::Slab].into_iter().chain(Pool::ALL.map(PoolView::Only));
    PossibleValuesParser::new(views.map(PoolView::id))
        .try_map(|text| PoolView::parse(&text).ok_or("not a pool"))
}

/// `--dates`.
pub fn dates() -> impl clap::builder::TypedValueParser<Value = DateOrder> {
    PossibleValuesParser::new(["dmy", "mdy", "ymd"]).map(|text| match text.as_str() {
        "dmy" => DateOrder::Dmy,
        "mdy" => DateOrder::Mdy,
        _ => DateOrder::Ymd,
    })
}

pub fn column_id() -> PossibleValuesParser {
    PossibleValuesParser::new(
        column::COLUMNS.iter().map(|column| clap::builder::PossibleValue::new(column.id).help(column.about)),
    )
}

/// `640`: read and write for the user, read for others at most, as those who write could plant anything.
pub fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| mode & !0o664 == 0 && mode & 0o600 == 0o600);
    mode.ok_or_else(|| format!("`{text}` is not one of 600, 640, 644, 660, 664"))
}

/// What a recording may take: 1 MB at least.
pub fn disk(text: &str) -> Result<u64, String> {
    bytes(text).and_then(|size| {
        if size < 1_000_000 { Err(format!("`{text}` is too small: the minimum is 1MB")) } else { Ok(size) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(disk("1MB"), Ok(1_000_000));
        assert!(disk("10kB").unwrap_err().contains("the minimum is 1MB"));
    }
}
