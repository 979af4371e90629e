//! Bound sockets, asked of the kernel itself (`sock_diag(7)`), which answers for those that are wanted alone.
//! The tables in `proc/net` tell the same, but before it can be known where the listening ones end, the kernel looks
//! through its whole table of connections: a quarter of a million empty places on a machine with 24 GB.

use std::io;
use std::net::SocketAddr;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::{Socket, protocols::NETLINK_SOCK_DIAG};

use crate::sockets::{Inode, Transport};

/// What the kernel fills at most at once.
const ANSWER: usize = 32 << 10;

/// So many answers: a million sockets are more than there are ports.
const ANSWERS: usize = 4096;

/// The sockets of this transport in our network namespace, by the address they are bound to. An error where the
/// kernel has no such interface, or where it may not be asked.
pub(crate) fn bound(transport: Transport) -> io::Result<Vec<(SocketAddr, Inode)>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    let mut found = Vec::new();
    for (family, any) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        ask(&socket, transport, family, any)?;
        hear(&socket, &mut found)?;
    }
    Ok(found)
}

fn ask(socket: &Socket, transport: Transport, family: u8, any: SocketId) -> io::Result<()> {
    let (protocol, states) = match transport {
        // UDP knows of no listening: whatever is bound takes what comes.
        Transport::Udp => (IPPROTO_UDP, StateFlags::all()),
        Transport::TcpListeners => (IPPROTO_TCP, StateFlags::LISTEN),
    };
    let extensions = ExtensionFlags::empty();
    let request = InetRequest { family, protocol, extensions, states, socket_id: any };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = NetlinkPayload::from(SockDiagMessage::InetRequest(request));
    let mut message = NetlinkMessage::new(header, request);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0).map(drop)
}

/// All answers to one question, to the word that these were all.
fn hear(socket: &Socket, found: &mut Vec<(SocketAddr, Inode)>) -> io::Result<()> {
    // The kernel answers before `send` returns, and goes on whenever it is heard: there is nothing to wait for.
    socket.set_non_blocking(true)?;
    let mut buffer = Vec::with_capacity(ANSWER);
    for _ in 0..ANSWERS {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        if understand(&buffer, found)? {
            return Ok(());
        }
    }
    Err(io::Error::other("the kernel's list of sockets has no end"))
}

/// Adds what one answer tells. True when it says that it was the last.
fn understand(mut bytes: &[u8], found: &mut Vec<(SocketAddr, Inode)>) -> io::Result<bool> {
    while !bytes.is_empty() {
        let message = NetlinkMessage::<SockDiagMessage>::deserialize(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        match message.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                found.push(told(&response));
            }
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            _ => {}
        }
        // Messages begin at multiples of four.
        let length = (message.header.length as usize).next_multiple_of(4).max(4);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    Ok(false)
}

fn told(response: &InetResponse) -> (SocketAddr, Inode) {
    let (id, inode) = (&response.header.socket_id, response.header.inode);
    (SocketAddr::new(id.source_address, id.source_port), Inode::from(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_kernel_says_is_an_error() {
        for bytes in [&b"\x10\x00\x00"[..], &[0; 16], &[0xff; 64]] {
            let heard = understand(bytes, &mut Vec::new());
            assert!(heard.is_err() || heard.is_ok_and(|last| !last), "{bytes:?}");
        }
    }
}
