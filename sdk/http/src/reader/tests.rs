use proptest::prelude::*;

use super::*;
use crate::Keys;

fn reader(limits: Limits) -> Reader {
    Reader::new(&Keys::default().page().unwrap(), limits)
}

/// What is there once `answer` has come in pieces of `piece` octets, and the end behind it.
fn read(answer: &[u8], piece: usize) -> Result<Reader, ResponseError> {
    read_with(reader(Limits { header: Some("x-load"), ..Limits::body(1000) }), answer, piece)
}

fn read_with(mut reader: Reader, answer: &[u8], piece: usize) -> Result<Reader, ResponseError> {
    for piece in answer.chunks(piece) {
        if reader.feed(piece)? == Progress::Done {
            return Ok(reader);
        }
    }
    reader.end()?;
    Ok(reader)
}

/// In pieces of every size the same.
fn everyhow(answer: &[u8]) -> Result<Reader, ResponseError> {
    let whole = read(answer, answer.len().max(1));
    for size in 1..answer.len() {
        let pieces = read(answer, size);
        match (&whole, &pieces) {
            (Ok(whole), Ok(pieces)) => {
                let told = |it: &Reader| (it.status, it.header.clone(), it.body.clone(), it.read);
                assert_eq!(told(whole), told(pieces), "in pieces of {size}");
            }
            // How much of what is no answer is shown depends on how much was there.
            (Err(ResponseError::NotHttp(_)), Err(ResponseError::NotHttp(_))) => {}
            _ => assert_eq!(whole.as_ref().err(), pieces.as_ref().err(), "in pieces of {size}"),
        }
    }
    whole
}

#[test]
fn bodies_end_as_their_header_says() {
    for (answer, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwellmore", 200, "well"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\ncontent-length:4\r\n\r\nwell", 200, "well"),
        ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503, ""),
        ("HTTP/1.0 200 OK\r\n\r\nall until the end", 200, "all until the end"),
        ("HTTP/1.1 200\r\n\r\n", 200, ""),
        ("HTTP/1.1 200 OK\n\nbare", 200, "bare"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, ""),
        ("HTTP/1.1 101 Go\r\n\r\n", 101, ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzip", 200, "zip"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nokmore",
            200,
            "ok",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nokmore", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, \r\n\r\nall", 200, "all"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b", 200, "ok"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            200,
            "ok",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n\r\n\
             4;name=\"value\"\r\nwell\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nmore",
            200,
            "well0123456789",
        ),
    ] {
        let reader = everyhow(answer.as_bytes()).unwrap();
        assert_eq!((reader.status(), reader.body()), (status, body.as_bytes()), "{answer}");
        assert!(!reader.is_cut());
    }
}

#[test]
fn what_is_no_answer_is_told() {
    let long = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; HEAD]].concat();
    for (answer, error) in [
        ("", ResponseError::ClosedBefore),
        ("HTTP/1.1 200 OK\r\nX-Load:", ResponseError::ClosedInHead),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP", ResponseError::ClosedInHead),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwel", ResponseError::ClosedInBody),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n",
            ResponseError::ClosedInBody,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwell\r\n", ResponseError::Chunk),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell!\r\n",
            ResponseError::Chunk,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\n", ResponseError::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\n", ResponseError::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nwell", ResponseError::Length),
        ("HTTP/1.1 2x0 OK\r\n\r\n", ResponseError::Head("status line")),
    ] {
        assert_eq!(everyhow(answer.as_bytes()).unwrap_err(), error, "{answer}");
    }
    for size in [1, 1000, long.len()] {
        assert_eq!(read(&long, size).unwrap_err(), ResponseError::LongHead);
    }
    for answer in
        ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200\r\n\r\n", "\u{16}\u{3}\u{1}\0\u{1}", "220 x\r\n"]
    {
        let error = everyhow(answer.as_bytes()).unwrap_err();
        assert!(matches!(error, ResponseError::NotHttp(_)), "{answer}: {error}");
    }
    let error = read(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", 100).unwrap_err();
    assert_eq!(error.to_string(), "not HTTP: \"SSH-2.0-OpenSSH_9.2p1 De\"");
}

#[test]
fn no_more_than_the_limit_is_read_of_a_body() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\n\r\n0123456789"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n7\r\n3456789\r\n0\r\n\r\n",
    ] {
        for piece in 1..answer.len() {
            let cut = read_with(reader(Limits::body(5)), answer, piece).unwrap();
            assert_eq!((cut.body(), cut.progress()), (&b"01234"[..], Progress::Done));
            assert!(cut.is_cut());
            let counted = Limits { keep: Keep::Nothing, ..Limits::body(5) };
            assert_eq!(read_with(reader(counted), answer, piece).unwrap().body(), b"");
        }
    }
}

/// Whether the body goes on is known where its header says so, and waited for elsewhere.
#[test]
fn a_body_as_long_as_the_limit_is_whole() {
    for (answer, ends_by_itself) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n01234", true),
        ("HTTP/1.1 200 OK\r\n\r\n01234", false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n01\r\n3\r\n234\r\n0\r\n\r\n",
            true,
        ),
    ] {
        for piece in 1..=answer.len() {
            let mut reader = reader(Limits::body(5));
            let progress = answer.as_bytes().chunks(piece).map(|it| reader.feed(it).unwrap());
            assert_eq!(progress.last() == Some(Progress::Done), ends_by_itself, "{answer}");
            assert_eq!(reader.end(), Ok(()));
            assert_eq!((reader.body(), reader.is_cut()), (&b"01234"[..], false), "{answer}");
        }
    }
    // Nobody wants to know, and nobody waits.
    for limits in [Limits::default(), Limits { keep: Keep::Nothing, ..Limits::body(5) }] {
        let answer = b"HTTP/1.1 200 OK\r\n\r\n01234";
        assert_eq!(reader(limits).feed(answer), Ok(Progress::Done));
    }
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
    let nothing = Limits { keep: Keep::Nothing, ..Limits::default() };
    assert_eq!(reader(nothing).feed(head), Ok(Progress::Done));
}

#[test]
fn many_lines_of_a_header_are_taken() {
    let lines = |count: usize| {
        let answer = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(count));
        read(answer.as_bytes(), answer.len()).map(|reader| reader.status())
    };
    assert_eq!(lines(LINES), Ok(200));
    assert_eq!(lines(LINES + 1), Err(ResponseError::Head("too many lines")));
}

/// A server that floods is told from one that answers.
#[test]
fn interim_answers_and_trailers_are_bounded_in_sum() {
    let flood = |head: &str, again: &str, piece: usize| {
        let answer = head.to_owned() + &again.repeat(2 * HEAD / again.len());
        let mut reader = reader(Limits::body(1000));
        let fed = answer.as_bytes().chunks(piece).find_map(|it| reader.feed(it).err());
        fed.expect("an error")
    };
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    for piece in [1, 7, 1000, 1 << 20] {
        let interim = flood("", "HTTP/1.1 100 Continue\r\n\r\n", piece);
        assert_eq!(interim, ResponseError::LongInterim);
        assert_eq!(flood(chunked, "X: y\r\n", piece), ResponseError::LongTrailer);
    }
}

#[test]
fn one_header_is_kept() {
    let answer = b"HTTP/1.1 200 OK\r\nA: b\r\nx-LOAD: 1 \r\nX-Load: 2\r\nBad Name: x\r\n\r\n";
    assert_eq!(everyhow(answer).unwrap().header(), Some(&b"1"[..]));
    assert_eq!(everyhow(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().header(), None);
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    let keys = Keys { method: Some("HEAD".into()), ..Keys::default() };
    let mut reader = Reader::new(&keys.page().unwrap(), Limits::body(10));
    let progress = reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(progress, Ok(Progress::Done));
}

proptest! {
    /// Whatever comes, in whatever pieces.
    #[test]
    fn reading_never_panics_and_never_exceeds_its_limit(
        head in prop::sample::select(vec![
            "", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n",
        ]),
        body in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), b'0'..=b'9'], 0..200),
        piece in 1..64_usize,
    ) {
        let answer = [head.as_bytes(), &body].concat();
        let mut reader = reader(Limits::body(32));
        for piece in answer.chunks(piece) {
            if !matches!(reader.feed(piece), Ok(Progress::Head | Progress::Body)) {
                break;
            }
        }
        let _ = reader.end();
        prop_assert!(reader.body().len() <= 32);
    }
}
