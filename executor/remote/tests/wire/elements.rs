//! Blocks as bytes and back.

use cleave_ops::{DType, Data};
use cleave_remote::elements::{block, from_block, from_bytes, into_bytes, shared_bytes, view};
use cleave_remote::proto;
use std::sync::Arc;

fn some_of_each() -> Vec<Data> {
    DType::ALL
        .into_iter()
        .map(|dtype| {
            let mut bytes: Vec<u8> = (0..8 * dtype.size()).map(|i| (i * 37 + 3) as u8).collect();
            if dtype == DType::Bool {
                bytes.iter_mut().for_each(|byte| *byte %= 2);
            }
            from_bytes(dtype, 8, &bytes).unwrap()
        })
        .collect()
}

#[test]
fn every_dtype_comes_back_bit_for_bit() {
    for data in some_of_each() {
        let bytes = into_bytes(data.clone());
        assert_eq!(bytes.as_ref(), view(data.as_ref()));
        assert_eq!(bytes, shared_bytes(Arc::new(data.clone())));
        let back = from_bytes(data.dtype(), 8, &bytes).unwrap();
        assert_eq!((back.dtype(), view(back.as_ref())), (data.dtype(), bytes.as_ref()));
        let message = block(data.clone());
        assert_eq!(view(from_block(&message, data.dtype(), 8).unwrap().as_ref()), bytes.as_ref());
    }
    assert_eq!(into_bytes(Data::I16(vec![0x0102, -2])).as_ref(), [2, 1, 0xfe, 0xff]);
}

#[test]
fn elements_are_not_copied_on_their_way_out() {
    let data = Data::F64(vec![1.0; 1000]);
    let lies = view(data.as_ref()).as_ptr();
    assert_eq!(into_bytes(data).as_ptr(), lies);
}

#[test]
fn what_is_no_block_is_refused() {
    let message =
        |dtype: &str, elements: &'static [u8]| proto::Block { dtype: dtype.into(), elements: elements.into() };
    let table = [
        (message("float64", &[0; 15]), DType::F64, 2, "wrong-length"),
        (message("float64", &[0; 16]), DType::F64, 1, "wrong-length"),
        (message("float64", &[]), DType::F64, 1, "wrong-length"),
        (message("float32", &[0; 8]), DType::F64, 1, "wrong-dtype"),
        (message("complex128", &[0; 16]), DType::F64, 2, "unknown-dtype"),
        (message("", &[0; 16]), DType::F64, 2, "unknown-dtype"),
        (message("bool", &[0, 1, 2]), DType::Bool, 3, "not-a-boolean"),
    ];
    for (message, dtype, len, code) in table {
        assert_eq!(from_block(&message, dtype, len).unwrap_err().code(), code);
    }
}
