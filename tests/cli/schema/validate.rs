//! A validator for the part of JSON Schema that the files in `schema/` use. It refuses keywords that it does not know, so
//! that nothing in a schema goes unchecked. Written here because the small crates for it bring 60 others along (URLs,
//! Unicode tables, regular expressions).

use serde_json::Value;

/// Checks a value against a schema.
///
/// # Errors
///
/// Where the value differs from the schema, as a path, and how.
pub fn validate(schema: &Value, value: &Value) -> Result<(), String> {
    Checker { root: schema }.check(schema, value, "$")
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let rules = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in rules {
            let fits = match keyword.as_str() {
                "$ref" => {
                    let pointer = rule.as_str().and_then(|text| text.strip_prefix('#')).unwrap();
                    let target = self.root.pointer(pointer).unwrap_or_else(|| panic!("no {rule}"));
                    self.check(target, value, at)?;
                    true
                }
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|one| is_type(one, value)),
                    one => is_type(one, value),
                },
                "enum" => rule.as_array().unwrap().contains(value),
                "const" => rule == value,
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
                "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= rule.as_u64().unwrap()),
                "pattern" => value.as_str().is_none_or(|text| matches_pattern(rule, text)),
                "format" => value.as_str().is_none_or(|text| is_time(rule, text)),
                "anyOf" => {
                    let tries: Vec<_> =
                        rule.as_array().unwrap().iter().map(|one| self.check(one, value, at)).collect();
                    if tries.iter().all(Result::is_err) {
                        return Err(format!("{at}: none of {tries:?}"));
                    }
                    true
                }
                "required" => {
                    let absent =
                        |name: &&Value| value.is_object() && value.get(name.as_str().unwrap()).is_none();
                    if let Some(name) = rule.as_array().unwrap().iter().find(absent) {
                        return Err(format!("{at}: {name} is absent"));
                    }
                    true
                }
                "items" => {
                    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{at}[{n}]"))?;
                    }
                    true
                }
                // Fields are checked below, all together.
                "$schema" | "$defs" | "title" | "description" | "properties" | "additionalProperties" => true,
                unknown => panic!("{at}: the validator does not know the keyword {unknown}"),
            };
            if !fits {
                return Err(format!("{at}: {value} does not fit {keyword} {rule}"));
            }
        }
        self.properties(schema, value, at)
    }

    fn properties(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (name, field) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match (
                schema.get("properties").and_then(|known| known.get(name)),
                &schema["additionalProperties"],
            ) {
                (Some(known), _) => self.check(known, field, &at)?,
                (None, Value::Bool(false)) => return Err(format!("{at}: not in the schema")),
                (None, Value::Null) => {}
                (None, others) => self.check(others, field, &at)?,
            }
        }
        Ok(())
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}

fn matches_pattern(pattern: &Value, text: &str) -> bool {
    assert_eq!(pattern, "^0x[0-9a-f]+$", "the validator knows this pattern alone");
    text.strip_prefix("0x").is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn is_time(format: &Value, text: &str) -> bool {
    assert_eq!(format, "date-time", "the validator knows this format alone");
    text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

#[test]
fn it_refuses_what_does_not_fit() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": { "a": { "type": ["integer", "null"], "minimum": 0 }, "t": { "type": "string", "format": "date-time" } },
    });
    let fits = |text: &str| validate(&schema, &serde_json::from_str(text).unwrap()).is_ok();
    assert!(fits(r#"{"a": 1}"#) && fits(r#"{"a": null, "t": "2026-11-23T06:13:47Z"}"#));
    for wrong in ["{}", "[]", r#"{"a": 1.0}"#, r#"{"a": -1}"#, r#"{"a": "1"}"#, r#"{"a": 1, "b": 2}"#] {
        assert!(!fits(wrong), "{wrong}");
    }
    assert!(!fits(r#"{"a": 1, "t": "yesterday"}"#));
}
