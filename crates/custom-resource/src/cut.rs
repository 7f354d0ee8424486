//! Texts cut to the bytes that they take inside JSON.

/// `text` in at most `room` bytes of JSON, its head and tail kept: the head says what was
/// attempted, the tail what went wrong.
pub(crate) fn cut(text: &str, room: usize) -> String {
    let whole = escaped_len(text);
    if whole <= room {
        return text.to_owned();
    }
    // The count in the marker is at most that of the whole text, so the space set aside is enough.
    let longest = marker(text.len());
    let Some(space) = room.checked_sub(escaped_len(&longest)) else {
        return take(text.chars(), room).into_iter().collect();
    };
    let head: String = take(text.chars(), space / 2).into_iter().collect();
    let mut tail = take(text.chars().rev(), space - escaped_len(&head));
    tail.reverse();
    let tail: String = tail.into_iter().collect();
    let left_out = text.len().saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", marker(left_out))
}

fn marker(bytes: usize) -> String {
    format!(" … [{bytes} bytes left out] … ")
}

fn take(characters: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += escaped_char_len(*character);
            used <= room
        })
        .collect()
}

/// How many bytes `text` takes inside a JSON string.
pub(crate) fn escaped_len(text: &str) -> usize {
    text.chars().map(escaped_char_len).sum()
}

const fn escaped_char_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn room_too_small_for_the_marker_still_gets_the_head() {
        assert_eq!(cut("abcdefgh", 4), "abcd");
        assert_eq!(cut("ääää", 3), "ä");
        assert_eq!(cut("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn escaped_len_is_what_serde_json_writes(text in "\\PC*|[\\x00-\\x7f\\n\"\\\\é𝄞]*") {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(escaped_len(&text), written.len() - 2);
        }

        #[test]
        fn cut_keeps_within_the_room_and_to_whole_characters(
            text in "[\\x00-\\x1fa-z\"\\\\é€𝄞]{0,400}", room in 0_usize..500,
        ) {
            let shown = cut(&text, room);
            prop_assert!(escaped_len(&shown) <= room);
            if escaped_len(&text) <= room {
                prop_assert_eq!(shown, text);
            } else if let Some((head, tail)) = shown.split_once(" … [") {
                let (count, tail) = tail.split_once(" bytes left out] … ").unwrap();
                prop_assert!(text.starts_with(head) && text.ends_with(tail));
                prop_assert_eq!(
                    head.len() + tail.len() + count.parse::<usize>().unwrap(), text.len());
                prop_assert!(escaped_len(head).abs_diff(escaped_len(tail)) <= 48);
            } else {
                prop_assert!(text.starts_with(&shown) && room < 40);
            }
        }
    }
}
