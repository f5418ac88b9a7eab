//! The header of a .npy file.

use cleave_ops::{DType, Shape};

/// What the header says.
#[derive(Debug, PartialEq)]
pub(crate) struct NpyHeader {
    /// NumPy's type string, or the text of a structured type.
    pub(crate) descr: String,
    /// Whether the first axis varies fastest.
    pub(crate) fortran: bool,
    /// Lengths of the axes.
    pub(crate) shape: Vec<usize>,
    /// Where the elements begin.
    pub(crate) data_start: usize,
}

/// Why there is no header.
#[derive(Debug, PartialEq)]
pub(crate) enum BadHeader {
    /// The file does not begin as a .npy file does.
    Magic,
    /// A version that does not exist yet.
    Version(u8, u8),
    /// The file ends inside the header, which takes so many bytes.
    Short(usize),
    /// A field that is missing or cannot be read.
    Field(&'static str),
}

const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether a file begins as a .npy file does.
pub(crate) fn is_npy(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads the header at the start of a file.
pub(crate) fn parse(bytes: &[u8]) -> Result<NpyHeader, BadHeader> {
    if !is_npy(bytes) {
        return Err(BadHeader::Magic);
    }
    let (major, minor) = bytes.get(6).zip(bytes.get(7)).ok_or(BadHeader::Short(10))?;
    let width = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        (&major, &minor) => return Err(BadHeader::Version(major, minor)),
    };
    let len = bytes.get(8..8 + width).ok_or(BadHeader::Short(8 + width))?;
    let len = len.iter().rev().fold(0_usize, |len, &byte| len << 8 | usize::from(byte));
    let data_start = 8 + width + len;
    let text = bytes.get(8 + width..data_start).ok_or(BadHeader::Short(data_start))?;
    fields(&String::from_utf8_lossy(text), data_start)
}

fn fields(text: &str, data_start: usize) -> Result<NpyHeader, BadHeader> {
    let body = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or(BadHeader::Field("dict"))?;
    let entries: Vec<(&str, &str)> = split(body, ',').into_iter().filter_map(entry).collect();
    let field = |name: &'static str| {
        let found = entries.iter().find(|entry| entry.0 == name);
        found.map(|entry| entry.1).ok_or(BadHeader::Field(name))
    };
    let descr = field("descr")?;
    Ok(NpyHeader {
        descr: quoted(descr).unwrap_or(descr).to_string(),
        fortran: match field("fortran_order")? {
            "True" => true,
            "False" => false,
            _ => return Err(BadHeader::Field("fortran_order")),
        },
        shape: tuple(field("shape")?).ok_or(BadHeader::Field("shape"))?,
        data_start,
    })
}

/// A dict entry's name and the text of its value.
fn entry(text: &str) -> Option<(&str, &str)> {
    let colon = split(text, ':').first()?.len();
    Some((quoted(text[..colon].trim())?, text.get(colon + 1..)?.trim()))
}

fn quoted(text: &str) -> Option<&str> {
    let inside = |mark| text.strip_prefix(mark)?.strip_suffix(mark);
    inside('\'').or_else(|| inside('"'))
}

fn tuple(text: &str) -> Option<Vec<usize>> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let lens = inner.split(',').map(str::trim).filter(|len| !len.is_empty());
    lens.map(|len| len.strip_suffix('L').unwrap_or(len).parse().ok()).collect()
}

/// Splits Python text at a mark that stands outside strings and brackets.
fn split(text: &str, mark: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (vec![], 0, 0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if c == mark && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            (None, _) => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The header of a row-major array in the machine's byte order, padded so that elements are aligned.
pub(crate) fn write(shape: &Shape, dtype: DType) -> Vec<u8> {
    let descr = crate::convert::numpy_descr(dtype);
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let padding = (MAGIC.len() + 4 + text.len() + 1).next_multiple_of(64) - (MAGIC.len() + 4 + text.len() + 1);
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let len = u16::try_from(text.len()).expect("at most 32 axes of 20 digits each");
    [MAGIC, &[1, 0], &len.to_le_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, text: &str) -> Vec<u8> {
        let len = text.len() as u32;
        let width = if version == 1 { 2 } else { 4 };
        [MAGIC, &[version, 0], &len.to_le_bytes()[..width], text.as_bytes()].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [&[][..], &[3], &[2, 0, 5]] {
            for dtype in DType::ALL {
                let bytes = write(&Shape::new(shape.iter().copied()), dtype);
                let header = parse(&bytes).expect("our own header");
                assert_eq!((header.fortran, header.shape.as_slice()), (false, shape));
                assert_eq!(header.data_start, bytes.len());
                assert_eq!(bytes.len() % 64, 0);
                assert_eq!(crate::convert::parse_descr(&header.descr), Some((dtype, false)));
            }
        }
    }

    #[test]
    fn every_version_and_spelling_is_read() {
        let text = "{\"shape\": (3L, 4), 'fortran_order': True, 'descr': '>f4'}  \n";
        for version in 1..=3 {
            let bytes = file(version, text);
            let header = parse(&bytes).expect("a legal header");
            assert_eq!((header.descr.as_str(), header.fortran, header.shape), (">f4", true, vec![3, 4]));
        }
        let structured = "{'descr': [('a', '<f8'), ('b,:', '<i4', (2,))], 'fortran_order': False, 'shape': (), }\n";
        let header = parse(&file(3, structured)).expect("a legal header");
        assert_eq!(header.descr, "[('a', '<f8'), ('b,:', '<i4', (2,))]");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
        let cases = [
            (b"PK\x03\x04".to_vec(), BadHeader::Magic),
            (file(9, good), BadHeader::Version(9, 0)),
            (file(1, good)[..30].to_vec(), BadHeader::Short(file(1, good).len())),
            (MAGIC.to_vec(), BadHeader::Short(10)),
            (file(1, "no dict"), BadHeader::Field("dict")),
            (file(1, &good.replace("descr", "d")), BadHeader::Field("descr")),
            (file(1, &good.replace("False", "0")), BadHeader::Field("fortran_order")),
            (file(1, &good.replace("(2,)", "(-2,)")), BadHeader::Field("shape")),
            (file(2, "{'shape': '"), BadHeader::Field("dict")),
        ];
        for (bytes, problem) in cases {
            assert_eq!(parse(&bytes), Err(problem));
        }
    }
}
