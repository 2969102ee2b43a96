//! Names of the two pools' counters in languages whose exact names are not known here: by the stems of their words, all of which have to
//! be known. It is said which counter was taken for what.

use poolmon_model::Pool;
use poolmon_model::header::FIGURES;

use super::names::Column;
use crate::{Remark, RemarkKind};

/// The stems of a language, in lower case.
struct Stems {
    /// The object of the machine's memory.
    memory: &'static [&'static str],
    /// `not`, as a word of its own or before another.
    not: &'static [&'static str],
    paged: &'static [&'static str],
    pool: &'static [&'static str],
    bytes: &'static [&'static str],
    /// Words that say nothing, whole.
    filler: &'static [&'static str],
}

const LANGUAGES: [Stems; 6] = [
    // Czech
    Stems {
        memory: &["paměť"],
        not: &["ne"],
        paged: &["stránkovan", "stránkovateln"],
        pool: &["fond"],
        bytes: &["bajt", "byt"],
        filler: &["v", "ve", "počet"],
    },
    // Hungarian
    Stems {
        memory: &["memória"],
        not: &["nem"],
        paged: &["lapozható", "lapozott"],
        pool: &["készlet", "tár", "pool"],
        bytes: &["bájt", "byte"],
        filler: &["a", "az", "mérete", "száma"],
    },
    // Swedish
    Stems {
        memory: &["minne"],
        not: &["icke", "ej", "o"],
        paged: &["växlingsbar", "växlad", "sidväxl", "växelbar", "sidindelad", "växlat"],
        pool: &["pool"],
        bytes: &["byte"],
        filler: &["i", "för", "antal"],
    },
    // Danish
    Stems {
        memory: &["hukommelse"],
        not: &["ikke"],
        paged: &["sideinddel", "sidevekslet", "sideveksl", "vekslet"],
        pool: &["pool", "pulje", "gruppe"],
        bytes: &["byte"],
        filler: &["i", "af", "antal"],
    },
    // Norwegian
    Stems {
        memory: &["minne"],
        not: &["ikke"],
        paged: &["sidevekslet", "sidevekslbar", "vekslbar", "sidevekselbar", "sideveksl"],
        pool: &["pool", "utvalg", "samling", "gruppe", "område"],
        bytes: &["byte"],
        filler: &["i", "av", "antall"],
    },
    // Finnish
    Stems {
        memory: &["muisti"],
        not: &["ei"],
        paged: &["sivutettu", "sivutetu", "sivuttuva", "sivutettav"],
        pool: &["varanno", "varanto", "pooli", "varau"],
        bytes: &["tavu"],
        filler: &["määrä"],
    },
];

/// Finnish has words of its own for what is not paged.
const NEVER_PAGED: [&str; 2] = ["sivuttamat", "sivuttumat"];

/// The pool whose bytes a counter says.
fn pool(path: &str) -> Option<Pool> {
    let path = path.trim().to_lowercase();
    let (object, counter) = path.rsplit_once('\\')?;
    let object = object.rsplit('\\').next()?;
    LANGUAGES.iter().find_map(|language| {
        language.memory.iter().any(|memory| same_start(object, memory) == Some("")).then_some(())?;
        let (mut not, mut paging, mut bytes) = (false, false, false);
        for word in counter.split(|letter: char| letter.is_ascii() && !letter.is_ascii_alphanumeric()) {
            let starts = |word: &str, stems: &[&str]| stems.iter().any(|stem| same_start(word, stem).is_some());
            let rest = language.not.iter().find_map(|not| same_start(word, not));
            if word.is_empty() || language.filler.contains(&word) || starts(word, language.pool) {
                continue;
            }
            if starts(word, language.bytes) {
                bytes = true;
            } else if starts(word, language.paged) {
                paging = true;
            } else if starts(word, &NEVER_PAGED) {
                (not, paging) = (true, true);
            } else if let Some(rest) = rest.filter(|rest| rest.is_empty() || starts(rest, language.paged)) {
                (not, paging) = (true, paging || !rest.is_empty());
            } else {
                return None;
            }
        }
        (paging && bytes).then_some(if not { Pool::Nonpaged } else { Pool::Paged })
    })
}

/// What follows a stem in a word. Letters with marks may be any others, of another code page.
fn same_start<'a>(word: &'a str, stem: &str) -> Option<&'a str> {
    let mut letters = word.chars();
    let same = |(a, b): (char, char)| a == b || (!a.is_ascii() && !b.is_ascii());
    stem.chars().all(|letter| letters.next().is_some_and(|other| same((letter, other)))).then_some(letters.as_str())
}

/// Takes counters for the pools that their words mean, if each pool has one and it is not known already; says which.
pub(in crate::formats) fn take_by_stems(names: &[String], columns: &mut [Column]) -> Option<Remark> {
    let mut taken = Vec::new();
    for (of, id) in [(Pool::Nonpaged, "pool_nonpaged"), (Pool::Paged, "pool_paged")] {
        let is_known = columns.iter().any(|column| matches!(column, Column::Figure(figure, _) if figure.id == id));
        let mut found = names.iter().enumerate().filter(|(_, name)| pool(name) == Some(of));
        let (Some((at, name)), None, false) = (found.next(), found.next(), is_known) else { continue };
        let figure = FIGURES.iter().find(|figure| figure.id == id);
        if let Some((slot, figure)) = columns.get_mut(at).zip(figure) {
            *slot = Column::Figure(figure, 1.0);
            taken.push(format!("counter {} `{}` as the {}", at + 1, name.trim(), of.long()));
        }
    }
    let text = format!("read by the words of their names: {} (--columns if they are others)", taken.join(", "));
    (!taken.is_empty()).then(|| Remark::new(RemarkKind::Other, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_by_the_stems_of_their_words() {
        for (name, expected) in [
            (r"\\S\Paměť\Nestránkovaný fond (bajty)", Some(Pool::Nonpaged)),
            (r"\\S\Paměť\Bajty stránkovaného fondu", Some(Pool::Paged)),
            (r"\\S\Memória\Nem lapozható készlet (bájt)", Some(Pool::Nonpaged)),
            (r"\\S\Memória\Lapozható készlet bájtban", Some(Pool::Paged)),
            (r"\\S\Minne\Icke växlingsbar pool i byte", Some(Pool::Nonpaged)),
            (r"\\S\Minne\Växlingsbar pool (byte)", Some(Pool::Paged)),
            (r"\\S\Hukommelse\Ikke-sideinddelt pulje i byte", Some(Pool::Nonpaged)),
            (r"\\S\Hukommelse\Byte i sideinddelt gruppe", Some(Pool::Paged)),
            (r"\\S\Minne\Ikke-sidevekslet utvalg - byte", Some(Pool::Nonpaged)),
            (r"\\S\Muisti\Sivuttamaton varanto (tavua)", Some(Pool::Nonpaged)),
            (r"\\S\Muisti\Sivutetun varannon tavut", Some(Pool::Paged)),
            // cp852 read as Latin-1.
            ("\\\\S\\Pam\u{d8}\u{9c}\\Nestr\u{a0}nkovan\u{ec} fond (bajty)", Some(Pool::Nonpaged)),
            // What is resident, how many there are, and other objects.
            (r"\\S\Paměť\Rezidentní bajty stránkovaného fondu", None),
            (r"\\S\Minne\Växlingsbar pool, allokeringar", None),
            (r"\\S\Minne\Tillgängliga byte", None),
            (r"\\S\Process(x)\Växlingsbar pool (byte)", None),
        ] {
            assert_eq!(pool(name), expected, "{name}");
        }
    }

    #[test]
    fn which_counter_was_taken_is_said() {
        let names = [r"\\S\Minne\Växlingsbar pool (byte)", r"\\S\Minne\Icke växlingsbar pool (byte)"].map(str::to_owned);
        let mut columns = [Column::Other, Column::Other];
        let said = take_by_stems(&names, &mut columns).unwrap().text;
        assert!(said.contains("counter 2 `\\\\S\\Minne\\Icke växlingsbar pool (byte)` as the nonpaged pool"), "{said}");
        assert!(columns.iter().all(|column| matches!(column, Column::Figure(_, 1.0))));
        // Two of one meaning are none.
        let twice = [names[0].clone(), names[0].clone()];
        let mut columns = [Column::Other, Column::Other];
        assert!(take_by_stems(&twice, &mut columns).is_none());
    }
}
