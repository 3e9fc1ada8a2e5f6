//! Transports in processes of their own.

use rais_sdk::Fault;

use super::*;
use crate::host::inbox;

fn echo() -> Arc<dyn TransportPort> {
    plugin(Kind::Transport, "wilful").transport(None, "{}".into()).unwrap()
}

#[tokio::test]
async fn datagrams_go_out_in_order_and_come_in() {
    let echo = echo();
    let fault = echo.send(b"too soon"[..].into()).await.unwrap_err();
    assert_eq!(fault, Fault::io("not started"));
    let (queue, mut arrived) = inbox(10_000);
    echo.start(queue.of("lan"), LONG).await.unwrap();
    for octet in 0..1000_u32 {
        // On their way though nobody waits.
        drop(echo.send(octet.to_le_bytes()[..].into()));
    }
    for octet in 0..1000_u32 {
        let datagram = arrived.recv().await.unwrap();
        assert_eq!(*datagram.data, octet.to_le_bytes());
        assert_eq!(&*datagram.transport, "lan");
        assert_eq!(datagram.from, Some("[2001:db8::1]:5369".parse().unwrap()));
    }
    let fault = echo.send(b"busy"[..].into()).await.unwrap_err();
    assert_eq!(fault, Fault::busy("is busy"));

    echo.stop(LONG).await.unwrap();
    let stopped = Fault::busy("the transport is stopped");
    assert_eq!(echo.send(b"late"[..].into()).await, Err(stopped.clone()));
    assert_eq!(echo.stop(LONG).await, Err(stopped));
    echo.start(queue.of("lan"), LONG).await.unwrap();
    echo.send(b"again"[..].into()).await.unwrap();
    assert_eq!(*arrived.recv().await.unwrap().data, *b"again");
}

#[tokio::test]
async fn one_that_dies_receives_again_in_its_next_life() {
    let echo = echo();
    let (queue, mut arrived) = inbox(100);
    echo.start(queue.of("lan"), LONG).await.unwrap();
    let fault = echo.send(b"exit"[..].into()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    while let Err(fault) = echo.send(b"there"[..].into()).await {
        // Never "not started": it is only used once it is.
        assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(*arrived.recv().await.unwrap().data, *b"there");
}

#[tokio::test]
async fn one_that_was_stopped_does_not_receive_in_its_next_life() {
    let remote = plugin(Kind::Transport, "wilful");
    let echo = remote.transport(None, "{}".into()).unwrap();
    let other = remote.transport(None, "{}".into()).unwrap();
    let (queue, _arrived) = inbox(100);
    echo.start(queue.of("lan"), LONG).await.unwrap();
    echo.stop(LONG).await.unwrap();
    other.send(b"exit"[..].into()).await.unwrap_err();
    while other.send(b"there"[..].into()).await != Err(Fault::io("not started")) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let fault = echo.send(b"late"[..].into()).await.unwrap_err();
    assert_eq!(fault, Fault::busy("the transport is stopped"));
}

#[tokio::test]
async fn a_flood_is_dropped_where_it_does_not_fit_and_counted() {
    let echo = echo();
    let (queue, mut arrived) = inbox(2);
    echo.start(queue.of("lan"), LONG).await.unwrap();
    for _ in 0..3 {
        echo.send(b"flood"[..].into()).await.unwrap();
    }
    until(|| queue.dropped() > 0).await;
    assert_eq!(*arrived.recv().await.unwrap().data, *b"flood");
    // And afterwards it goes on as before.
    loop {
        let _ = echo.send(b"there"[..].into()).await;
        if arrived.recv().await.is_some_and(|one| *one.data == *b"there") {
            break;
        }
    }
}
