//! A checksum of what the end of a Parquet file says of it. Pages have one of their own, from gzip; a name of a column, or a place,
//! that one flipped bit made another would be read as it stands.

/// The key that the checksum is written under: CRC-32, eight hexadecimal digits.
pub const KEY: &str = "poolmon.sum";

/// What the file says of one column of a row group, in Parquet's numbers.
#[derive(Clone, Copy, Debug)]
pub struct ColumnPlace<'a> {
    /// Its name.
    pub name: &'a str,
    /// 2: whole numbers, 5: with a fraction, 6: text.
    pub kind: i64,
    /// Whether rows may lack it.
    pub optional: bool,
    /// 0: not compressed, 2: gzip.
    pub codec: i64,
    /// Bytes in the file.
    pub length: i64,
    /// Where its values begin.
    pub values: i64,
    /// Where its dictionary begins, if it has one.
    pub dictionary: Option<i64>,
}

/// The checksum while it is made.
#[derive(Clone, Debug, Default)]
pub struct Sum(crc32fast::Hasher);

impl Sum {
    /// Takes in a column of a row group with this number of rows.
    pub fn column(&mut self, rows: i64, place: &ColumnPlace<'_>) {
        self.text(place.name);
        let dictionary = place.dictionary.map_or([0, 0], |at| [1, at]);
        let figures = [rows, place.kind, place.optional.into(), place.codec, place.length, place.values];
        for figure in figures.into_iter().chain(dictionary) {
            self.0.update(&figure.to_le_bytes());
        }
    }

    /// Takes in a text.
    pub fn text(&mut self, text: &str) {
        self.0.update(&text.len().to_le_bytes());
        self.0.update(text.as_bytes());
    }

    /// The checksum, as it is written.
    pub fn finish(self) -> String {
        format!("{:08x}", self.0.finalize())
    }
}
