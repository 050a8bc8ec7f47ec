//! NumPy's `.npy` format (NEP 1), the form in which Flower carries arrays.
//!
//! Reading is strict: what could be misread (other byte orders, Fortran order, Python objects) is refused by name.
//! Writing gives the bytes that `numpy.save` gives, so that equal arrays have equal hashes whoever wrote them.

use std::io::Read;

use crate::{DType, Error, Result, malformed, schema::count};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The header ends at a multiple of this.
const ALIGNMENT: usize = 64;
/// NumPy keeps room in the header for the first axis to grow in place.
const GROWTH_DIGITS: usize = 21;
/// What NumPy 2 allows.
const MAX_AXES: usize = 64;
/// A longer header is an attack or an accident: a shape needs a few hundred bytes.
const MAX_HEADER: u32 = 64 * 1024;

/// What a `.npy` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// Element type.
    pub dtype: DType,
    /// Lengths of the axes, slowest first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Where the elements begin.
    pub data_offset: usize,
}

impl NpyHeader {
    /// Bytes of all elements; `None` where they do not fit the address space.
    #[must_use]
    pub fn data_bytes(&self) -> Option<usize> {
        count(&self.shape)?.checked_mul(self.dtype.size())
    }

    /// Checks that a file of `total` bytes holds exactly this header and its elements.
    ///
    /// # Errors
    /// `invalid` with both lengths.
    pub fn expect_total(&self, total: u64) -> Result<()> {
        let wanted = self.data_bytes().and_then(|bytes| bytes.checked_add(self.data_offset));
        match wanted {
            Some(wanted) if wanted as u64 == total => Ok(()),
            Some(wanted) => Err(bad(format!("{total} bytes, where its header promises {wanted}"))),
            None => Err(bad("the shape is larger than memory can be")),
        }
    }
}

/// Where the header that begins here ends; `None` where more bytes are needed to know it.
///
/// # Errors
/// `invalid` where this is no `.npy` file, or one of an unknown version or with an absurd header.
pub fn header_end(prefix: &[u8]) -> Result<Option<usize>> {
    let magic = &MAGIC[..prefix.len().min(MAGIC.len())];
    if !prefix.starts_with(magic) {
        return Err(bad("it does not begin with \\x93NUMPY"));
    }
    let (start, length) = match prefix.get(MAGIC.len()..) {
        Some([1, _, low, high, ..]) => (10, u32::from(u16::from_le_bytes([*low, *high]))),
        Some([2 | 3, _, a, b, c, d, ..]) => (12, u32::from_le_bytes([*a, *b, *c, *d])),
        Some([1..=3, ..] | []) | None => return Ok(None),
        Some([version, ..]) => return Err(bad(format!("version {version} is unknown"))),
    };
    if length > MAX_HEADER {
        return Err(bad(format!("its header is {length} bytes long, more than {MAX_HEADER}")));
    }
    Ok(Some(start + length as usize))
}

/// Reads the header at the beginning of `prefix`, which may hold more than the header, or the whole file.
///
/// # Errors
/// `invalid`: not a `.npy` file, the prefix ends within the header, or an array that we do not take.
pub fn parse_header(prefix: &[u8]) -> Result<NpyHeader> {
    let end =
        header_end(prefix)?.filter(|&end| end <= prefix.len()).ok_or_else(|| bad("its header is cut off"))?;
    let start = if prefix[MAGIC.len()] == 1 { 10 } else { 12 };
    let text = std::str::from_utf8(&prefix[start..end]).map_err(|_| bad("its header is not text"))?;
    let (dtype, shape) = parse_dict(text)?;
    Ok(NpyHeader { dtype, shape, data_offset: end })
}

/// Reads a header from a stream, which afterwards stands at the first element.
///
/// # Errors
/// As [`parse_header`]; `internal` where the stream fails.
pub fn read_header(input: &mut impl Read) -> Result<NpyHeader> {
    // The shortest beginning that tells the length, whatever the version.
    let mut prefix = vec![0; 12];
    read_more(input, &mut prefix, 0)?;
    let end = header_end(&prefix)?.ok_or_else(|| bad("its header is cut off"))?;
    let known = prefix.len();
    prefix.resize(end.max(known), 0);
    read_more(input, &mut prefix, known)?;
    parse_header(&prefix)
}

fn read_more(input: &mut impl Read, buffer: &mut [u8], from: usize) -> Result<()> {
    input.read_exact(&mut buffer[from..]).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => bad("its header is cut off"),
        _ => error.into(),
    })
}

/// The header that `numpy.save` writes for such an array (version 1.0, C order).
///
/// # Errors
/// `invalid` for `bfloat16`, which NumPy does not have, and for more axes than NumPy takes.
pub fn header(dtype: DType, shape: &[usize]) -> Result<Vec<u8>> {
    let descr = dtype.npy_descr().ok_or_else(|| bad(format!("NumPy has no {dtype}")))?;
    if shape.len() > MAX_AXES {
        return Err(bad(format!("{} axes, where NumPy takes {MAX_AXES}", shape.len())));
    }
    let axes = match shape {
        [] => "()".to_owned(),
        [only] => format!("({only},)"),
        several => format!("({})", several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let mut dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {axes}, }}");
    if let Some(first) = shape.first() {
        dict.push_str(&" ".repeat(GROWTH_DIGITS.saturating_sub(first.to_string().len())));
    }
    let unpadded = MAGIC.len() + 4 + dict.len() + 1;
    // A header that already ends at the border gets a full block more, as NumPy does it.
    dict.push_str(&" ".repeat(ALIGNMENT - unpadded % ALIGNMENT));
    dict.push('\n');
    let length = u16::try_from(dict.len()).expect("64 axes of 20 digits fit 64 kB");
    let mut header = Vec::with_capacity(MAGIC.len() + 4 + dict.len());
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&[1, 0]);
    header.extend_from_slice(&length.to_le_bytes());
    header.extend_from_slice(dict.as_bytes());
    Ok(header)
}

fn bad(why: impl std::fmt::Display) -> Error {
    malformed("not a usable .npy array", why)
}

/// The Python dictionary in the header: exactly the keys descr, fortran_order and shape.
fn parse_dict(text: &str) -> Result<(DType, Vec<usize>)> {
    let mut cursor = Cursor { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    cursor.expect('{')?;
    while !cursor.take('}') {
        let key = cursor.string()?;
        cursor.expect(':')?;
        let repeated = match key {
            "descr" => descr.replace(cursor.descr()?).is_some(),
            "fortran_order" => fortran.replace(cursor.boolean()?).is_some(),
            "shape" => shape.replace(cursor.shape()?).is_some(),
            _ => return Err(bad(format!("its header has an unknown key '{key}'"))),
        };
        if repeated {
            return Err(bad(format!("its header has '{key}' twice")));
        }
        if !cursor.take(',') {
            cursor.expect('}')?;
            break;
        }
    }
    if !cursor.rest.trim().is_empty() {
        return Err(bad("there is something behind its header"));
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        return Err(bad("its header lacks descr, fortran_order or shape"));
    };
    let dtype = dtype(descr)?;
    if fortran {
        return Err(bad("it is in Fortran order (fortran_order True); send numpy.ascontiguousarray(a)"));
    }
    Ok((dtype, shape))
}

fn dtype(descr: &str) -> Result<DType> {
    if let Some(dtype) = DType::from_npy_descr(descr) {
        return Ok(dtype);
    }
    Err(match descr.as_bytes() {
        [_, b'O', ..] => bad("it holds Python objects (pickle), which are never unpickled"),
        [b'>', ..] => bad(format!("it is big-endian ('{descr}'); send a.astype(a.dtype.newbyteorder('<'))")),
        _ => bad(format!("element type '{descr}' is not supported")),
    })
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, wanted: char) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        if self.take(wanted) { Ok(()) } else { Err(bad(format!("its header lacks a '{wanted}'"))) }
    }

    fn string(&mut self) -> Result<&'a str> {
        let quote = if self.take('\'') { '\'' } else { '"' };
        if quote == '"' {
            self.expect('"')?;
        }
        let (text, rest) =
            self.rest.split_once(quote).ok_or_else(|| bad("a string in its header does not end"))?;
        self.rest = rest;
        Ok(text)
    }

    fn descr(&mut self) -> Result<&'a str> {
        if self.rest.trim_start().starts_with('[') {
            return Err(bad("it has a structured element type"));
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool> {
        let trimmed = self.rest.trim_start();
        for (word, value) in [("False", false), ("True", true)] {
            if let Some(rest) = trimmed.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(bad("fortran_order is neither True nor False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.take(')') {
            if shape.len() == MAX_AXES {
                return Err(bad(format!("more than {MAX_AXES} axes")));
            }
            let trimmed = self.rest.trim_start();
            let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
            let axis = trimmed[..end].parse().map_err(|_| bad("an axis of its shape is not a length"))?;
            shape.push(axis);
            self.rest = &trimmed[end..];
            if !self.take(',') {
                // `(3)` is a number in Python, not a tuple.
                if shape.len() == 1 {
                    return Err(bad("its shape is not a tuple"));
                }
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests;
