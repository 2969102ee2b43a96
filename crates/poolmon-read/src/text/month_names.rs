//! Dates in words, in the languages that Windows is delivered in: names of months, marks of half days, and the
//! characters that Chinese, Japanese and Korean put after year, month and day.

/// A language's months, January first. Languages that decline them have the form used in dates; where two forms are in use,
/// both have a line.
const MONTHS: [[&str; 12]; 21] = [
    // English
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
    // German
    [
        "januar",
        "februar",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
    ],
    // German in Austria
    [
        "jänner",
        "feber",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
    ],
    // French
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    // Spanish
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    // Italian
    [
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ],
    // Portuguese
    [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
    // Dutch
    [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    // Polish, in dates
    [
        "stycznia",
        "lutego",
        "marca",
        "kwietnia",
        "maja",
        "czerwca",
        "lipca",
        "sierpnia",
        "września",
        "października",
        "listopada",
        "grudnia",
    ],
    // Polish, alone
    [
        "styczeń",
        "luty",
        "marzec",
        "kwiecień",
        "maj",
        "czerwiec",
        "lipiec",
        "sierpień",
        "wrzesień",
        "październik",
        "listopad",
        "grudzień",
    ],
    // Russian, in dates
    [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
    // Russian, alone
    [
        "январь",
        "февраль",
        "март",
        "апрель",
        "май",
        "июнь",
        "июль",
        "август",
        "сентябрь",
        "октябрь",
        "ноябрь",
        "декабрь",
    ],
    // Turkish
    [
        "ocak", "şubat", "mart", "nisan", "mayıs", "haziran", "temmuz", "ağustos", "eylül", "ekim", "kasım",
        "aralık",
    ],
    // Czech, in dates
    [
        "ledna",
        "února",
        "března",
        "dubna",
        "května",
        "června",
        "července",
        "srpna",
        "září",
        "října",
        "listopadu",
        "prosince",
    ],
    // Czech, alone
    [
        "leden",
        "únor",
        "březen",
        "duben",
        "květen",
        "červen",
        "červenec",
        "srpen",
        "září",
        "říjen",
        "listopad",
        "prosinec",
    ],
    // Swedish
    [
        "januari",
        "februari",
        "mars",
        "april",
        "maj",
        "juni",
        "juli",
        "augusti",
        "september",
        "oktober",
        "november",
        "december",
    ],
    // Danish
    [
        "januar",
        "februar",
        "marts",
        "april",
        "maj",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "december",
    ],
    // Norwegian
    [
        "januar",
        "februar",
        "mars",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "desember",
    ],
    // Finnish, in dates
    [
        "tammikuuta",
        "helmikuuta",
        "maaliskuuta",
        "huhtikuuta",
        "toukokuuta",
        "kesäkuuta",
        "heinäkuuta",
        "elokuuta",
        "syyskuuta",
        "lokakuuta",
        "marraskuuta",
        "joulukuuta",
    ],
    // Finnish, alone
    [
        "tammikuu",
        "helmikuu",
        "maaliskuu",
        "huhtikuu",
        "toukokuu",
        "kesäkuu",
        "heinäkuu",
        "elokuu",
        "syyskuu",
        "lokakuu",
        "marraskuu",
        "joulukuu",
    ],
    // Hungarian
    [
        "január",
        "február",
        "március",
        "április",
        "május",
        "június",
        "július",
        "augusztus",
        "szeptember",
        "október",
        "november",
        "december",
    ],
];

/// Marks of the two halves of a day, first those of the morning.
const HALVES: [(&str, bool); 22] = [
    ("上午", false),
    ("下午", true),
    ("午前", false),
    ("午後", true),
    ("오전", false),
    ("오후", true),
    ("a. m.", false),
    ("p. m.", true),
    ("a.\u{a0}m.", false),
    ("p.\u{a0}m.", true),
    ("a.m.", false),
    ("p.m.", true),
    ("ÖÖ", false),
    ("ÖS", true),
    (" de. ", false),
    (" du. ", true),
    (" dop. ", false),
    (" odp. ", true),
    (" fm ", false),
    (" em ", true),
    (" vorm. ", false),
    (" nachm. ", true),
];

/// The month of a word, from 1; three letters are enough in English, as `date` of a Unix shell writes them.
pub(super) fn month(word: &str) -> Option<i8> {
    // Turks have an i without a dot, of which a capital I says nothing.
    let word = word.trim_end_matches('.').to_lowercase().replace('ı', "i");
    if word.chars().count() < 3 {
        return None;
    }
    let english = MONTHS.first()?;
    let number = |at: usize| i8::try_from(at + 1).ok();
    if let Some(at) = english.iter().position(|month| word.len() == 3 && month.starts_with(&word)) {
        return number(at);
    }
    let whole = |name: &str| is_same(name, &word);
    if let Some(at) = MONTHS.iter().find_map(|names| names.iter().position(|name| whole(name))) {
        return number(at);
    }
    // Shortened: it has to mean the same in every language that knows it.
    let mut found = MONTHS.iter().flat_map(|names| names.iter().enumerate());
    let starts = |name: &str| name.len() > word.len() && name.starts_with(&word);
    let first = found.find(|(_, name)| starts(name))?.0;
    found.all(|(at, name)| at == first || !starts(name)).then(|| number(first)).flatten()
}

/// Whether a word is this name. Letters outside of ASCII may have become U+FFFD: the text was written in a code page of
/// one byte a letter.
fn is_same(name: &str, word: &str) -> bool {
    let mut lost = 0;
    let mut letters = word.chars();
    let plain = |letter: char| if letter == 'ı' { 'i' } else { letter };
    let same = name.chars().map(plain).all(|expected| match letters.next() {
        Some(char::REPLACEMENT_CHARACTER) if !expected.is_ascii() => {
            lost += 1;
            true
        }
        other => other == Some(expected),
    });
    same && letters.next().is_none() && lost <= 2 && lost * 2 < name.chars().count()
}

/// Year, month and day of a text such as `2026年3月1日` or `2026년 3월 1일`, and the text without them.
pub(super) fn east_asian(text: &str) -> Option<((i16, i8, i8), String)> {
    if !text.contains(['年', '년']) {
        return None;
    }
    let (mut year, mut month, mut day) = (None, None, None);
    let mut rest = String::new();
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let number = std::mem::take(&mut digits);
        match c {
            '年' | '년' if year.is_none() => year = number.parse().ok(),
            '月' | '월' if month.is_none() && !number.is_empty() => month = number.parse().ok(),
            '日' | '일' if day.is_none() && !number.is_empty() => {
                day = number.parse().ok();
                rest.push(' ');
            }
            _ => {
                rest.push_str(&number);
                rest.push(c);
            }
        }
    }
    rest.push_str(&digits);
    Some(((year?, month?, day?), rest))
}

/// A text whose marks of half days are `AM` and `PM`.
pub(super) fn with_english_halves(text: &str) -> String {
    let mut text = text.to_owned();
    if text.is_ascii() && !text.contains(". ") && !text.contains(".m.") && !text.contains('m') {
        return text;
    }
    for (mark, afternoon) in HALVES {
        if text.contains(mark) {
            text = text.replace(mark, if afternoon { " PM " } else { " AM " });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_every_language() {
        for names in MONTHS {
            for (at, name) in names.iter().enumerate() {
                assert_eq!(month(name), i8::try_from(at + 1).ok(), "{name}");
                assert_eq!(month(&name.to_uppercase()), month(name), "{name}");
            }
        }
        assert_eq!(month("M\u{fffd}rz"), Some(3));
        assert_eq!(month("Mar"), Some(3));
        assert_eq!(month("sept."), Some(9));
        for none in ["jui", "čer", "\u{fffd}\u{fffd}\u{fffd}", "tag", "ma", ""] {
            assert_eq!(month(none), None, "{none}");
        }
    }

    #[test]
    fn characters_after_numbers() {
        assert_eq!(east_asian("2026年3月1日 10:00"), Some(((2026, 3, 1), "  10:00".into())));
        assert_eq!(east_asian("2026년 3월 1일 일요일 10:00").unwrap().0, (2026, 3, 1));
        assert_eq!(east_asian("2026 10:00"), None);
        assert_eq!(with_english_halves("下午 1:00"), " PM  1:00");
    }
}
