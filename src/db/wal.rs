//! SQLite's log, looked at before SQLite reads it.
//!
//! After a crash SQLite takes from its log what is whole and forgets the rest from the
//! first broken page on, without a word. A page that a power cut left half-written is the
//! end of a transaction that nobody was told of, and rightly forgotten. A page that rotted
//! takes with it everything that was committed after it. The two are told apart by what
//! comes behind: each commit is on the disk before the next one begins, so behind a torn
//! page there is one commit at most, and none where the machine has not been off since.

use std::{
    fs, io,
    io::{BufReader, ErrorKind, Read},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sqlx::sqlite::SqliteConnectOptions;

use super::error::DbError;

/// The log's own header, and what stands before each page.
const HEADER: usize = 32;
const FRAME: usize = 24;
/// The magic number, but for its last bit, which tells the order of bytes in checksums.
const MAGIC: u32 = 0x377f_0682;
/// A finding counts where it is seen so often: beside a server the log is being written.
const LOOKS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(50);

/// Where a log is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rot {
    /// Which page of the log, from 1 on; 0 is its header.
    pub page: u64,
    salt: [u8; 8],
}

/// The file of a SQLite database; none for one that is in memory, or none of SQLite's.
pub fn file_of(url: &str) -> Option<PathBuf> {
    if !url.starts_with("sqlite:") || url.contains(":memory:") {
        return None;
    }
    let options = SqliteConnectOptions::from_str(url).ok()?;
    Some(options.get_filename().to_owned())
}

/// Refuses a database whose log has rotted, before SQLite forgets what stands behind that.
pub(super) async fn refuse_rotten(url: &str) -> Result<(), DbError> {
    let Some(file) = file_of(url) else {
        return Ok(());
    };
    match rot(&file).await {
        Ok(None) => Ok(()),
        Ok(Some(rot)) => Err(DbError::Rotten { log: beside(&file), page: rot.page }),
        Err(error) => Err(sqlx::Error::Io(error).into()),
    }
}

/// The log beside a database.
pub fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Finds where the log of a database has rotted, if there is a log and it has.
async fn rot(database: &Path) -> io::Result<Option<Rot>> {
    let log = beside(database);
    let mut last = None;
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let log = log.clone();
        let found = tokio::task::spawn_blocking(move || look_at(&log)).await;
        let found = found.map_err(io::Error::other)??;
        if found.is_none() || (look > 0 && found != last) {
            return Ok(None);
        }
        last = found;
    }
    Ok(last)
}

fn look_at(log: &Path) -> io::Result<Option<Rot>> {
    let file = match fs::File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let written = file.metadata()?.mtime();
    // What was written since the machine began cannot be torn, but by the machine's end.
    let torn_at_most = usize::from(booted().is_none_or(|booted| written <= booted));
    scan(BufReader::with_capacity(1 << 16, file), torn_at_most)
}

/// When this machine began, in seconds of the epoch.
fn booted() -> Option<i64> {
    let told = fs::read_to_string("/proc/stat").ok()?;
    told.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The two sums that run through a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums(u32, u32);

impl Sums {
    /// Goes on over more bytes, of which there is a multiple of eight.
    fn over(self, bytes: &[u8], big_endian: bool) -> Self {
        let word = |bytes: &[u8]| {
            let word = [bytes[0], bytes[1], bytes[2], bytes[3]];
            if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        let Self(mut one, mut two) = self;
        for pair in bytes.chunks_exact(8) {
            one = one.wrapping_add(word(&pair[..4])).wrapping_add(two);
            two = two.wrapping_add(word(&pair[4..])).wrapping_add(one);
        }
        Self(one, two)
    }

    /// As they stand in the file.
    fn at(bytes: &[u8]) -> Self {
        Self(number(&bytes[..4]), number(&bytes[4..8]))
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Reads as much as fits; false at the end of the file.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Finds a broken page behind which more than so many commits follow.
fn scan(mut log: impl Read, torn_at_most: usize) -> io::Result<Option<Rot>> {
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? || header == [0; HEADER] {
        return Ok(None);
    }
    let salt: [u8; 8] = header[16..24].try_into().expect("eight bytes are eight bytes");
    let (magic, size) = (number(&header[..4]), number(&header[8..12]));
    let big_endian = magic & 1 == 1;
    let mut sums = Sums::default().over(&header[..24], big_endian);
    let sized = size.is_power_of_two() && (512..=65_536).contains(&size);
    if magic & !1 != MAGIC || !sized || sums != Sums::at(&header[24..]) {
        return Ok(Some(Rot { page: 0, salt }));
    }
    let mut frame = vec![0; FRAME + size as usize];
    let (mut page, mut broken, mut commits) = (0, None, 0);
    while fill(&mut log, &mut frame)? {
        page += 1;
        let ours = frame[8..16] == salt;
        let commits_here = number(&frame[4..8]) != 0;
        if broken.is_none() {
            let next = sums.over(&frame[..8], big_endian).over(&frame[FRAME..], big_endian);
            if ours && number(&frame[..4]) != 0 && next == Sums::at(&frame[16..FRAME]) {
                sums = next;
                continue;
            }
            broken = Some(page);
        }
        commits += usize::from(ours && commits_here);
        if commits > torn_at_most {
            return Ok(broken.map(|page| Rot { page, salt }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{FRAME, HEADER, MAGIC, Sums, scan};

    const PAGE: usize = 512;

    /// A log of pages, each of which commits or does not.
    fn log(pages: &[bool]) -> Vec<u8> {
        let mut log = Vec::new();
        for number in [MAGIC, 3_007_000, 512, 0, 7, 9] {
            log.extend(number.to_be_bytes());
        }
        let mut sums = Sums::default().over(&log, false);
        log.extend([sums.0.to_be_bytes(), sums.1.to_be_bytes()].concat());
        for (place, commits) in (1_u32..).zip(pages) {
            let mut head = [place.to_be_bytes(), u32::from(*commits).to_be_bytes()].concat();
            let page = vec![0x5a; PAGE];
            sums = sums.over(&head, false).over(&page, false);
            head.extend([7_u32.to_be_bytes(), 9_u32.to_be_bytes()].concat());
            head.extend([sums.0.to_be_bytes(), sums.1.to_be_bytes()].concat());
            log.extend(head);
            log.extend(page);
        }
        log
    }

    fn broken_at(log: &[u8], torn_at_most: usize) -> Option<u64> {
        scan(log, torn_at_most).unwrap().map(|rot| rot.page)
    }

    #[test]
    fn a_log_that_is_whole_or_cut_off_is_well() {
        let log = log(&[false, true, false, true]);
        for end in 0..=log.len() {
            assert_eq!(broken_at(&log[..end], 0), None, "cut at {end}");
        }
        assert_eq!(broken_at(&[0; 4096], 0), None, "never written");
    }

    #[test]
    fn a_rotten_page_with_commits_behind_it_is_found() {
        let whole = log(&[false, true, false, true, true]);
        for place in HEADER..whole.len() {
            let mut log = whole.clone();
            log[place] ^= 0x10;
            let page = (place - HEADER) / (FRAME + PAGE);
            let expected = (page < 4).then_some(page as u64 + 1);
            if page < 4 {
                assert_eq!(broken_at(&log, 0), expected, "{place}");
            }
        }
        let mut log = whole.clone();
        log[9] ^= 1;
        assert_eq!(broken_at(&log, 0), Some(0), "the header");
    }

    #[test]
    fn what_a_power_cut_may_have_torn_is_no_rot() {
        let whole = log(&[true, false, true]);
        let mut torn = whole.clone();
        torn[HEADER + FRAME + PAGE + FRAME] ^= 1;
        assert_eq!(broken_at(&torn, 1), None, "one commit behind it");
        assert_eq!(broken_at(&torn, 0), Some(2), "while the machine was on");
        let mut rotten = whole;
        rotten[HEADER + FRAME] ^= 1;
        assert_eq!(broken_at(&rotten, 1), Some(1), "two commits behind it");
    }
}
