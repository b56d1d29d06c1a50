/// Whether the markers of a JPEG file lead to its end marker.
///
/// The decoder fills what is missing with grey and says nothing, which must not be taken for a medical finding.
/// Only the structure is walked (ITU-T T.81, annex B); no pixel is decoded.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xd9;
    let mut at = 0;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = match marker {
            END_OF_IMAGE => return true,
            // Start of image, restart and TEM stand alone; 0 escapes a 0xff in the pixels.
            0x00 | 0x01 | 0xd0..=0xd8 => after,
            _ => {
                let Some(length) = bytes.get(after..).and_then(|rest| rest.first_chunk::<2>()) else { return false };
                after + usize::from(u16::from_be_bytes(*length)).max(2)
            }
        };
    }
    false
}

/// The next byte after a 0xff which is no fill byte, and the place behind it.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    at += bytes.get(at..)?.iter().position(|&b| b == 0xff)?;
    at += bytes[at..].iter().position(|&b| b != 0xff)?;
    Some((bytes[at], at + 1))
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn an_end_marker_inside_a_segment_is_none() {
        let thumbnail = b"\xff\xd8\xff\xe1\x00\x06\xff\xd8\xff\xd9";
        assert!(!is_complete(thumbnail));
        assert!(is_complete(&[thumbnail, &b"\xff\xda\x00\x03\x01ab\xff\x00\xff\xd0c\xff\xff\xd9"[..]].concat()));
        assert!(!is_complete(b"\xff\xd8\xff\xda\x00"));
        assert!(!is_complete(b"\xff\xd8\xff\xff"));
        assert!(!is_complete(b""));
    }
}
