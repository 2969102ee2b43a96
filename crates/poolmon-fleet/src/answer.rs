//! What an engine answers: the JSON of `/api/v1/query`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use crate::engine::Asked;

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Series, in the engine's order.
    pub series: Vec<Series>,
    /// What the engine says of its own answer: parts that are missing, limits.
    pub warnings: Vec<String>,
    /// The question and its cost.
    pub asked: Option<Asked>,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Series {
    /// Its labels.
    pub metric: BTreeMap<String, String>,
    /// Its points, by time; one for a plain question.
    #[serde(alias = "value", alias = "values", deserialize_with = "points")]
    pub points: Vec<Point>,
}

impl Series {
    /// A label; empty where it has none, as the engines mean it.
    pub fn label(&self, name: &str) -> &str {
        self.metric.get(name).map_or("", String::as_str)
    }

    /// Its last value; `None` if that is no number.
    pub fn last(&self) -> Option<f64> {
        self.points.last().map(|point| point.value).filter(|value| value.is_finite())
    }
}

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds since 1970.
    pub at: f64,
    /// The value; may be infinite or not a number.
    pub value: f64,
}

#[derive(Deserialize)]
struct Document {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default, rename = "errorType")]
    error_type: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    /// VictoriaMetrics as a cluster: a storage node did not answer.
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

/// Reads an answer, from a buffered reader; the inner error is the engine's own: its kind and its reason.
///
/// # Errors
///
/// If it is no such document, or breaks off.
pub fn read(reader: impl Read) -> serde_json::Result<Result<Answer, (Option<String>, String)>> {
    let document: Document = serde_json::from_reader(reader)?;
    if document.status != "success" {
        return Ok(Err((document.error_type, document.error.unwrap_or_default())));
    }
    let Some(data) = document.data else { return Err(serde_json::Error::custom("an answer without data")) };
    let mut warnings = document.warnings.unwrap_or_default();
    if document.is_partial {
        warnings.push("the engine's answer is partial: a part of it did not answer".to_owned());
    }
    Ok(Ok(Answer { series: data.result, warnings, asked: None }))
}

/// `[1435781430.781, "1"]`, or an array of such pairs.
fn points<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Point>, D::Error> {
    struct Pairs;

    /// A time, a value, or a whole pair.
    enum Item {
        Number(f64),
        Text(f64),
        Pair(Point),
    }

    impl<'de> Deserialize<'de> for Item {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Any;
            impl<'de> Visitor<'de> for Any {
                type Value = Item;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a time, a value as text, or a pair of both")
                }
                fn visit_f64<E>(self, number: f64) -> Result<Item, E> {
                    Ok(Item::Number(number))
                }
                fn visit_u64<E>(self, number: u64) -> Result<Item, E> {
                    Ok(Item::Number(number as f64))
                }
                fn visit_i64<E>(self, number: i64) -> Result<Item, E> {
                    Ok(Item::Number(number as f64))
                }
                fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Item, E> {
                    // Rust reads `+Inf`, `-Inf` and `NaN` as the engines write them.
                    text.parse().map(Item::Text).map_err(|_| E::custom(format_args!("the value {text:?}")))
                }
                fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
                    match (list.next_element()?, list.next_element()?, list.next_element::<Item>()?) {
                        (Some(Item::Number(at)), Some(Item::Text(value)), None) => {
                            Ok(Item::Pair(Point { at, value }))
                        }
                        _ => Err(A::Error::custom("a pair of a time and a value is expected")),
                    }
                }
            }
            deserializer.deserialize_any(Any)
        }
    }

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<Point>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a point, or an array of points")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Point>, A::Error> {
            let mut points = Vec::new();
            let mut time = None;
            while let Some(item) = list.next_element()? {
                match (item, time.take()) {
                    (Item::Pair(point), None) => points.push(point),
                    (Item::Number(at), None) => time = Some(at),
                    (Item::Text(value), Some(at)) => points.push(Point { at, value }),
                    _ => return Err(A::Error::custom("points are pairs of a time and a value")),
                }
            }
            Ok(points)
        }
    }

    deserializer.deserialize_seq(Pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        read(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn points_of_a_moment_and_of_a_range() {
        let one = answer(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a:1","tag":"Test"},"value":[1435781430.781,"4096"]}]}}"#,
        );
        assert_eq!(one.series[0].points, [Point { at: 1_435_781_430.781, value: 4096.0 }]);
        assert_eq!((one.series[0].label("tag"), one.series[0].label("pool")), ("Test", ""));
        let many = answer(
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[10,"1e3"],[20,"NaN"],[30,"+Inf"]]}]},"warnings":["w"],"isPartial":true}"#,
        );
        let points = &many.series[0].points;
        assert_eq!(points[0], Point { at: 10.0, value: 1000.0 });
        assert!(points[1].value.is_nan() && points[2].value.is_infinite() && many.series[0].last().is_none());
        assert_eq!(many.warnings.len(), 2, "the engine's own, and that it is partial");
    }

    #[test]
    fn an_engines_error_is_its_own() {
        let error = read(&br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#[..]).unwrap();
        assert_eq!(error, Err((Some("bad_data".into()), "parse error".into())));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"status":"success"}"#,
            r#"{"status":"success","data":{"result":[{"metric":{},"value":[1]}"#,
            r#"{"status":"success","data":{"result":[{"metric":{},"value":["1",2]}]}}"#,
            r#"{"status":"success","data":{"result":[{"metric":{},"values":[[1,"x"]]}]}}"#,
            r#"{"status":"success","data":{"result":[{"metric":{},"values":[[1,"1",2]]}]}}"#,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
