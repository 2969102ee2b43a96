//! Names of the two pools' counters by their words. Windows in Chinese, Japanese and Korean has English names; those that a language
//! pack or a tool translated vary from one version to the next, and their code pages have no letter in common with ours.

use poolmon_model::Pool;

/// A word, and its bytes in the code page of its language.
type Word = (&'static str, &'static [u8]);

/// What a name is made of. Longer words come first.
struct Language {
    memory: &'static [Word],
    nonpaged: &'static [Word],
    paged: &'static [Word],
    pool: &'static [Word],
    bytes: &'static [Word],
    /// Letters that no code page shares are any other of them: the rest of the word says which it is.
    is_latin: bool,
}

const LANGUAGES: [Language; 5] = [
    // Simplified Chinese
    Language {
        memory: &[("内存", b"\xc4\xda\xb4\xe6")],
        nonpaged: &[("非分页", b"\xb7\xc7\xb7\xd6\xd2\xb3"), ("未分页", b"\xce\xb4\xb7\xd6\xd2\xb3")],
        paged: &[("分页", b"\xb7\xd6\xd2\xb3")],
        pool: &[("缓冲池", b"\xbb\xba\xb3\xe5\xb3\xd8"), ("池", b"\xb3\xd8")],
        bytes: &[("字节数", b"\xd7\xd6\xbd\xda\xca\xfd"), ("字节", b"\xd7\xd6\xbd\xda")],
        is_latin: false,
    },
    // Traditional Chinese
    Language {
        memory: &[("記憶體", b"\xb0O\xbe\xd0\xc5\xe9")],
        nonpaged: &[("非分頁", b"\xabD\xa4\xc0\xad\xb6"), ("未分頁", b"\xa5\xbc\xa4\xc0\xad\xb6")],
        paged: &[("分頁", b"\xa4\xc0\xad\xb6")],
        pool: &[("集區", b"\xb6\xb0\xb0\xcf")],
        bytes: &[("位元組數", b"\xa6\xec\xa4\xb8\xb2\xd5\xbc\xc6"), ("位元組", b"\xa6\xec\xa4\xb8\xb2\xd5")],
        is_latin: false,
    },
    // Japanese
    Language {
        memory: &[("メモリ", b"\x83\x81\x83\x82\x83\x8a")],
        nonpaged: &[("非ページ化", b"\x94\xf1\x83y\x81[\x83W\x89\xbb"), ("非ページ", b"\x94\xf1\x83y\x81[\x83W")],
        paged: &[("ページ化", b"\x83y\x81[\x83W\x89\xbb"), ("ページ", b"\x83y\x81[\x83W")],
        pool: &[("プール", b"\x83v\x81[\x83\x8b")],
        bytes: &[("バイト数", b"\x83o\x83C\x83g\x90\x94"), ("バイト", b"\x83o\x83C\x83g")],
        is_latin: false,
    },
    // Korean
    Language {
        memory: &[("메모리", b"\xb8\xde\xb8\xf0\xb8\xae")],
        nonpaged: &[("비페이징", b"\xba\xf1\xc6\xe4\xc0\xcc\xc2\xa1")],
        paged: &[("페이징", b"\xc6\xe4\xc0\xcc\xc2\xa1")],
        pool: &[("풀", b"\xc7\xae")],
        bytes: &[("바이트 수", b"\xb9\xd9\xc0\xcc\xc6\xae \xbc\xf6"), ("바이트", b"\xb9\xd9\xc0\xcc\xc6\xae")],
        is_latin: false,
    },
    // Turkish
    Language {
        memory: &[("bellek", b"")],
        nonpaged: &[("disk belleğine alınmayan", b""), ("disk belleği olmayan", b"")],
        paged: &[("disk belleğine alınan", b"")],
        pool: &[("havuzu", b""), ("havuz", b"")],
        bytes: &[("bayt sayısı", b""), ("baytları", b""), ("baytı", b""), ("bayt", b"")],
        is_latin: true,
    },
];

/// The pool whose bytes a counter says, by the words of its object and its own. Nothing else may be in the name: other counters, such
/// as those of what is resident, have one word more. Bytes that are not UTF-8 are one letter each.
pub(super) fn pool(object: &str, counter: &str) -> Option<Pool> {
    LANGUAGES.iter().find_map(|language| {
        let is_whole = |rest: Option<Vec<char>>| rest.is_some_and(|rest| rest.iter().all(|letter| is_mark(*letter)));
        is_whole(without(object.chars().collect(), language.memory, language.is_latin)).then_some(())?;
        let of = |paging: &[Word]| {
            [paging, language.pool, language.bytes]
                .into_iter()
                .try_fold(counter.chars().collect(), |name, words| without(name, words, language.is_latin))
        };
        let pools = [(language.nonpaged, Pool::Nonpaged), (language.paged, Pool::Paged)];
        pools.into_iter().find(|(paging, _)| is_whole(of(paging))).map(|(_, pool)| pool)
    })
}

fn is_mark(letter: char) -> bool {
    letter.is_ascii_whitespace() || matches!(letter, '(' | ')' | '-')
}

/// A name without the first of these words that is in it; `None` if there is none.
fn without(mut name: Vec<char>, words: &[Word], is_latin: bool) -> Option<Vec<char>> {
    let same =
        |a: char, b: char| a.eq_ignore_ascii_case(&b) || (is_latin && !a.is_ascii() && !b.is_ascii());
    let forms = words.iter().flat_map(|(text, bytes)| {
        [text.chars().collect::<Vec<char>>(), bytes.iter().map(|&byte| char::from(byte)).collect()]
    });
    for word in forms.filter(|word| !word.is_empty()) {
        let is_here = |part: &[char]| part.iter().zip(&word).all(|(a, b)| same(*a, *b));
        if let Some(at) = name.windows(word.len()).position(is_here) {
            name.drain(at..at + word.len());
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latin(bytes: &[u8]) -> String {
        bytes.iter().map(|&byte| char::from(byte)).collect()
    }

    #[test]
    fn pools_by_their_words() {
        for (object, counter, expected) in [
            ("内存", "池非分页字节数", Some(Pool::Nonpaged)),
            ("内存", "分页池字节数", Some(Pool::Paged)),
            ("内存", "未分页缓冲池字节", Some(Pool::Nonpaged)),
            ("記憶體", "非分頁集區位元組", Some(Pool::Nonpaged)),
            ("メモリ", "ページ プール バイト数", Some(Pool::Paged)),
            ("메모리", "비페이징 풀 바이트 수", Some(Pool::Nonpaged)),
            ("Bellek", "Disk Belleğine Alınmayan Havuz Baytı", Some(Pool::Nonpaged)),
            ("Bellek", "Disk Belleğine Alınan Havuz Baytı", Some(Pool::Paged)),
            // What is resident, how many there are, and a process's.
            ("内存", "池分页常驻字节数", None),
            ("内存", "池分页分配", None),
            ("进程", "池非分页字节数", None),
            ("Bellek", "Havuz Baytı", None),
        ] {
            assert_eq!(pool(object, counter), expected, "{counter}");
        }
    }

    #[test]
    fn words_in_code_pages() {
        // gbk
        assert_eq!(pool(&latin(b"\xc4\xda\xb4\xe6"), &latin(b"\xb3\xd8\xb7\xc7\xb7\xd6\xd2\xb3\xd7\xd6\xbd\xda\xca\xfd")), Some(Pool::Nonpaged));
        // cp950
        assert_eq!(pool(&latin(b"\xb0O\xbe\xd0\xc5\xe9"), &latin(b"\xa4\xc0\xad\xb6\xb6\xb0\xb0\xcf\xa6\xec\xa4\xb8\xb2\xd5")), Some(Pool::Paged));
        // cp932
        assert_eq!(pool(&latin(b"\x83\x81\x83\x82\x83\x8a"), &latin(b"\x94\xf1\x83y\x81[\x83W \x83v\x81[\x83\x8b \x83o\x83C\x83g\x90\x94")), Some(Pool::Nonpaged));
        // cp949
        assert_eq!(pool(&latin(b"\xb8\xde\xb8\xf0\xb8\xae"), &latin(b"\xc6\xe4\xc0\xcc\xc2\xa1 \xc7\xae \xb9\xd9\xc0\xcc\xc6\xae \xbc\xf6")), Some(Pool::Paged));
        // cp1254
        assert_eq!(pool(&latin(b"Bellek"), &latin(b"Disk Belle\xf0ine Al\xfdnan Havuz Bayt\xfd")), Some(Pool::Paged));
        // cp857
        assert_eq!(pool(&latin(b"Bellek"), &latin(b"Disk Belle\xa7ine Al\x8dnmayan Havuz Bayt\x8d")), Some(Pool::Nonpaged));
    }
}
