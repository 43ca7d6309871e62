//! Files: where they stand, and how much a person may keep.

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FileState {
    /// Its bytes are on their way to the store: nobody sees it yet.
    Arriving,
    /// It is there.
    Kept,
    /// Nobody sees it any more; its bytes are still to be removed.
    Leaving,
}

/// What a file has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileLimit {
    /// Bytes at most.
    Bytes(u64),
    /// Pixels at most.
    Pixels(u64),
}

impl FileLimit {
    /// What a file may have, as a sentence.
    pub fn sentence(self) -> String {
        match self {
            Self::Bytes(limit) => format!("file must have at most {}.", show_size(limit)),
            Self::Pixels(limit) => format!("file must be an image of at most {limit} pixels."),
        }
    }
}

/// A size as people read it: "10 MiB", "1 KiB", "100 bytes".
pub fn show_size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else if bytes >= KIB && bytes.is_multiple_of(KIB) {
        format!("{} KiB", bytes / KIB)
    } else {
        format!("{bytes} bytes")
    }
}

/// What a file counts at least, in bytes, so that a quota also bounds how many there are.
pub const COUNTED_MIN: u32 = 4096;

/// A person whose files count for `used` bytes may keep one of `size` more.
pub fn fits(used: u64, size: u64, quota: u64) -> bool {
    let counted = size.max(u64::from(COUNTED_MIN));
    used.checked_add(counted).is_some_and(|total| total <= quota)
}

#[cfg(test)]
mod tests {
    use super::{fits, show_size};

    #[test]
    fn a_quota_is_full_when_it_is_used_up() {
        assert!(fits(0, 5_000, 5_000));
        assert!(!fits(1, 5_000, 5_000));
        assert!(!fits(u64::MAX, 1, u64::MAX), "and never wraps around");
        assert!(fits(0, 1, 4_096));
        assert!(!fits(1, 1, 4_096), "the smallest file counts as well");
    }

    #[test]
    fn sizes_are_shown_in_whole_units() {
        assert_eq!(show_size(10 * 1024 * 1024), "10 MiB");
        assert_eq!(show_size(1536 * 1024), "1536 KiB");
        assert_eq!(show_size(1000), "1000 bytes");
    }
}
