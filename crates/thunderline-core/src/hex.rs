//! Bytes as text: two lower-case hexadecimal digits each.

use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The bytes' digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    write(bytes, &mut text).expect("a string takes everything");
    text
}

/// Writes the bytes' digits, at one go where there are 32 bytes: whole models are named by thousands of digests.
///
/// # Errors
/// Those of what is written to.
pub fn write(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    bytes.chunks(32).try_for_each(|some| {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(some) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out.write_str(std::str::from_utf8(&text[..2 * some.len()]).expect("hexadecimal digits are ASCII"))
    })
}

/// `N` bytes from their digits; `None` for anything but `2 * N` lower-case digits, so that each value has one text.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_their_digits() {
        let bytes: [u8; 70] = std::array::from_fn(|place| (place * 37) as u8);
        let text = encode(&bytes);
        assert!(text.starts_with("00254a6f") && text.len() == 140);
        assert_eq!(decode(&text), Some(bytes));
        assert_eq!((encode(&[]).as_str(), decode("")), ("", Some([])));
    }

    #[test]
    fn what_is_no_digit_and_what_has_another_length_is_refused() {
        for wrong in ["", "abc", "abcde", "ABCD", "+a+b", "abcg", "äöü"] {
            assert_eq!(decode::<2>(wrong), None, "{wrong}");
        }
    }
}
