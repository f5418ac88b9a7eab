//! Large values, there and back, through losses and damage.

use crate::keeper::{Fault, connector, put_item, serve};
use bytes::Bytes;
use cleave_ops::{DType, Data};
use cleave_remote::bulk::{Begun, Fetch, Receiving, fetch, fetch_block, put};
use cleave_remote::elements;
use cleave_remote::proto::PutFrame;
use cleave_remote::transport::Door;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7919 % 251) as u8).collect()
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let running = serve(Door::default(), None).await;
    let link = connector(None, None).connect(&running.endpoint).await.unwrap();
    let values: Vec<_> = [0, 1, 262_144, 262_145, 3_000_000].iter().map(|&len| Bytes::from(noise(len))).collect();
    let items: Vec<_> = values.iter().enumerate().map(|(n, data)| (put_item(n as u64), data.clone())).collect();
    let reply = put(&link, &items).await.unwrap();
    assert_eq!((reply.blocks, reply.nbytes), (5, 3_524_290));
    for (item, data) in items {
        let mut back = vec![0; data.len()];
        let wanted = Fetch { item, epoch: 0, nbytes: data.len() as u64 };
        fetch(&link, &wanted, &mut back).await.unwrap();
        assert_eq!(back, data);
    }
}

#[tokio::test]
async fn blocks_come_back_as_they_went() {
    let running = serve(Door::default(), None).await;
    let link = connector(None, None).connect(&running.endpoint).await.unwrap();
    let floats = Data::F64((0..100_000).map(|i| f64::from(i) / 3.0).collect());
    let flags = Data::Bool((0..999).map(|i| i % 3 == 0).collect());
    let items =
        [(put_item(1), elements::into_bytes(floats.clone())), (put_item(2), elements::into_bytes(flags.clone()))];
    put(&link, &items).await.unwrap();
    assert_eq!(fetch_block(&link, put_item(1), 0, (DType::F64, 100_000)).await.unwrap().0, floats);
    assert_eq!(fetch_block(&link, put_item(2), 0, (DType::Bool, 999)).await.unwrap().0, flags);
    let wrong = fetch_block(&link, put_item(1), 0, (DType::F64, 99_999)).await.unwrap_err();
    assert_eq!(wrong.code(), "wrong-length");
    let none = fetch_block(&link, put_item(3), 0, (DType::F64, 1)).await.unwrap_err();
    assert_eq!(none.code(), "not-kept");
}

#[tokio::test]
async fn a_fetch_goes_on_where_it_was_lost() {
    let table: [(&[Fault], Result<(), &str>, usize); 7] = [
        (&[Fault::Lost(5)], Ok(()), 2),
        (&[Fault::Lost(0), Fault::Lost(3)], Ok(()), 3),
        (&[Fault::Lost(1), Fault::Lost(1), Fault::Lost(1), Fault::Lost(1)], Ok(()), 5),
        (&[&[Fault::Lost(1)][..], &[Fault::Lost(0); 5]].concat(), Ok(()), 7),
        (&[Fault::Flipped(2)], Ok(()), 2),
        (&[Fault::Long], Err("wrong-length"), 1),
        (&[Fault::Endless], Err("malformed-frames"), 1),
    ];
    let running = serve(Door::default(), None).await;
    let link = connector(None, None).connect(&running.endpoint).await.unwrap();
    let data = noise(3_000_000);
    put(&link, &[(put_item(1), Bytes::from(data.clone()))]).await.unwrap();
    for (faults, expected, fetches) in table {
        *running.keeper.faults.lock().unwrap() = faults.to_vec();
        running.keeper.fetches.store(0, Ordering::Relaxed);
        let mut back = vec![0; data.len()];
        let wanted = Fetch { item: put_item(1), epoch: 0, nbytes: data.len() as u64 };
        let outcome = fetch(&link, &wanted, &mut back).await;
        assert_eq!(outcome.as_ref().map(|_| ()).map_err(|e| e.code()), expected, "{faults:?}");
        assert_eq!(running.keeper.fetches.load(Ordering::Relaxed), fetches, "{faults:?}");
        assert!(outcome.is_err() || back == data, "{faults:?}");
    }
}

#[tokio::test]
async fn a_put_goes_on_where_it_was_lost() {
    let values: Vec<_> = [300_000, 3_000_000, 1, 0].iter().map(|&len| Bytes::from(noise(len))).collect();
    let items: Vec<_> = values.iter().enumerate().map(|(n, data)| (put_item(n as u64), data.clone())).collect();
    let nbytes: usize = values.iter().map(Bytes::len).sum();
    let table: [(&[usize], bool); 5] = [(&[], true), (&[1], true), (&[5, 3], true), (&[2; 20], true), (&[1; 9], false)];
    for (losses, comes) in table {
        let running = serve(Door::default(), None).await;
        let link = connector(None, None).connect(&running.endpoint).await.unwrap();
        *running.keeper.put_losses.lock().unwrap() = losses.to_vec();
        let outcome = put(&link, &items).await;
        assert_eq!(outcome.is_ok(), comes, "{losses:?}: {outcome:?}");
        if comes {
            let kept = running.keeper.kept.lock().unwrap();
            assert!(values.iter().enumerate().all(|(n, data)| kept[&(n as u64)].0 == data), "{losses:?}");
            // No byte was taken twice, whatever was on its way.
            assert_eq!(running.keeper.put_bytes.load(Ordering::Relaxed), nbytes, "{losses:?}");
        }
    }
}

#[test]
fn what_did_not_begin_does_not_go_on() {
    let begun = Arc::new(Begun::new(1000));
    let frame = |data: &'static [u8], offset| PutFrame {
        item: Some(put_item(1)),
        data: data.into(),
        nbytes: Some(6),
        offset,
        ..PutFrame::default()
    };
    let refused = |frame| Receiving::new(1000, Arc::clone(&begun)).take(frame).unwrap_err().code().to_owned();
    assert_eq!(refused(frame(b"def", 3)), "malformed-frames");
    assert_eq!(Receiving::new(1000, Arc::clone(&begun)).take(frame(b"abc", 0)), Ok(None));
    assert_eq!(begun.there(&put_item(1)), 3);
    assert_eq!(refused(frame(b"f", 5)), "malformed-frames");
    let mut receiving = Receiving::new(1000, Arc::clone(&begun));
    assert_eq!(receiving.take(frame(b"abc", 0)), Ok(None));
    drop(receiving);
    let last = PutFrame { checksum: Some(crc32c::crc32c(b"abXYZW")), ..frame(b"XYZW", 2) };
    let whole = Receiving::new(1000, Arc::clone(&begun)).take(last).unwrap().unwrap();
    assert_eq!((whole.data.as_ref(), begun.there(&put_item(1))), (&b"abXYZW"[..], 0));
    // There is no room for more than a limit.
    let small = Arc::new(Begun::new(2));
    assert_eq!(Receiving::new(1000, Arc::clone(&small)).take(frame(b"abc", 0)), Ok(None));
    assert_eq!(small.there(&put_item(1)), 0);
}

#[test]
fn frames_that_make_no_value_are_refused() {
    let item = || Some(put_item(1));
    let frame = |item, data: &'static [u8], nbytes, checksum| PutFrame {
        item,
        data: data.into(),
        nbytes,
        checksum,
        ..PutFrame::default()
    };
    let whole = crc32c::crc32c(b"abc");
    let table: [(&[PutFrame], &str); 9] = [
        (&[frame(None, b"a", None, None)], "malformed-frames"),
        (&[frame(None, b"", None, Some(0))], "malformed-frames"),
        (&[frame(item(), b"a", None, None)], "malformed-frames"),
        (&[frame(item(), b"a", Some(3), None), frame(item(), b"a", Some(3), None)], "malformed-frames"),
        (&[frame(item(), b"abcd", Some(3), None)], "wrong-length"),
        (&[frame(item(), b"ab", Some(3), Some(whole))], "wrong-length"),
        (&[frame(item(), b"abc", Some(3), Some(whole + 1))], "damaged-block"),
        (&[frame(item(), b"abc", Some(1001), None)], "too-large"),
        (&[frame(item(), b"abc", Some(u64::MAX), None)], "too-large"),
    ];
    for (frames, code) in table {
        let mut receiving = Receiving::new(1000, Arc::default());
        let refused = frames.iter().find_map(|frame| receiving.take(frame.clone()).err());
        assert_eq!(refused.map(|e| e.code().to_string()).as_deref(), Some(code), "{frames:?}");
    }
    let mut receiving = Receiving::new(1000, Arc::default());
    let done = receiving.take(frame(item(), b"abc", Some(3), Some(whole))).unwrap();
    assert_eq!(done.unwrap().data.as_ref(), b"abc");
}
