use proptest::prelude::*;

use super::*;

fn with_dict(dict: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(dict.len() as u16).to_le_bytes());
    bytes.extend_from_slice(dict.as_bytes());
    bytes
}

/// Headers as NumPy 2.4 wrote them, spaces at the end cut off, with their full length.
#[test]
fn headers_are_those_that_numpy_writes() {
    let cases: [(DType, &[usize], &str, usize); 6] = [
        (DType::F32, &[2, 2], "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 128),
        (DType::F64, &[], "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 128),
        (DType::U8, &[3], "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", 128),
        (DType::Bool, &[1, 2, 3], "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2, 3), }", 128),
        (DType::I64, &[0, 5], "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 5), }", 128),
        (
            DType::F16,
            &[1; 64],
            &format!("{{'descr': '<f2', 'fortran_order': False, 'shape': ({}1), }}", "1, ".repeat(63)),
            320,
        ),
    ];
    for (dtype, shape, dict, length) in cases {
        let bytes = header(dtype, shape).unwrap();
        assert_eq!(bytes.len(), length, "{dict}");
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        assert_eq!(std::str::from_utf8(&bytes[10..]).unwrap().trim_end(), dict);
        assert_eq!(bytes.last(), Some(&b'\n'));
        let parsed = parse_header(&bytes).unwrap();
        assert_eq!(parsed, NpyHeader { dtype, shape: shape.to_vec(), data_offset: length });
    }
}

#[test]
fn versions_two_and_three_are_read() {
    let dict = "{'shape': (4, 1), \"descr\": '<f4', 'fortran_order': False}\n";
    for version in [2, 3] {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend_from_slice(&[version, 0]);
        bytes.extend_from_slice(&(dict.len() as u32).to_le_bytes());
        bytes.extend_from_slice(dict.as_bytes());
        let parsed = parse_header(&bytes).unwrap();
        assert_eq!((parsed.dtype, parsed.shape, parsed.data_offset), (DType::F32, vec![4, 1], bytes.len()));
    }
}

#[test]
fn every_refusal_says_why() {
    let cases = [
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "Fortran order"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "Python objects"),
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", "big-endian"),
        ("{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", "'<c8' is not supported"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "structured"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", "not a tuple"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "not a length"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "not a length"),
        ("{'descr': '<f4', 'fortran_order': False}", "lacks descr"),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "twice"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "unknown key 'x'"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': ()} + 1", "behind its header"),
        ("{'descr': '<f4", "does not end"),
        ("", "lacks a '{'"),
    ];
    for (dict, why) in cases {
        let error = parse_header(&with_dict(dict)).unwrap_err();
        assert_eq!(error.code(), "invalid");
        assert!(error.to_string().contains(why), "{dict}: {error}");
    }
    let cut = &header(DType::F32, &[2]).unwrap()[..100];
    assert!(parse_header(cut).unwrap_err().to_string().contains("cut off"));
    assert!(parse_header(b"PK\x03\x04").unwrap_err().to_string().contains("NUMPY"));
    assert!(parse_header(b"\x93NUMPY\x09\x00\x00\x00").unwrap_err().to_string().contains("version 9"));
    assert!(header(DType::BF16, &[1]).unwrap_err().to_string().contains("bfloat16"));
}

#[test]
fn a_wrong_length_is_told_with_both_lengths() {
    let parsed = parse_header(&header(DType::F32, &[2, 2]).unwrap()).unwrap();
    parsed.expect_total(128 + 16).unwrap();
    let error = parsed.expect_total(128 + 12).unwrap_err().to_string();
    assert!(error.contains("140") && error.contains("144"), "{error}");
    let huge = NpyHeader { dtype: DType::F64, shape: vec![usize::MAX, 2], data_offset: 128 };
    assert!(huge.expect_total(128).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        dtype in proptest::sample::select(DType::ALL.to_vec()),
        shape in proptest::collection::vec(0usize..1_000_000, 0..6),
    ) {
        prop_assume!(dtype != DType::BF16);
        let bytes = header(dtype, &shape).unwrap();
        prop_assert_eq!(bytes.len() % ALIGNMENT, 0);
        let data_offset = bytes.len();
        prop_assert_eq!(parse_header(&bytes).unwrap(), NpyHeader { dtype, shape, data_offset });
    }

    #[test]
    fn arbitrary_headers_never_panic(dict in ".{0,80}", tail in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = parse_header(&with_dict(&dict));
        let mut raw = b"\x93NUMPY".to_vec();
        raw.extend_from_slice(&tail);
        let _ = parse_header(&raw);
    }
}
