//! Uses every kind of IPC object through the Rust crate of the SDK; prints `ok`, or what went wrong.

use seedpod_guest::ipc::{
    Create, Error, Limits, Message, MessageQueue, Semaphore, SharedMemory, system_v_memory,
    system_v_messages, system_v_semaphores, types::OpenFlags,
};
use std::time::{Duration, SystemTime};

const QUEUE: &str = "/rust";

fn main() -> Result<(), Error> {
    message_queues()?;
    semaphores()?;
    shared_memory()?;
    system_v()?;
    println!("ok");
    Ok(())
}

fn message_queues() -> Result<(), Error> {
    let limits = Limits {
        messages_max: 2,
        message_size_max: 16,
    };
    assert_eq!(MessageQueue::open(QUEUE).unwrap_err(), Error::NoEntry);
    let queue = MessageQueue::create(QUEUE, Create::New, Some(limits))?;
    assert_eq!(
        MessageQueue::create(QUEUE, Create::New, None).unwrap_err(),
        Error::Exist
    );
    queue.send(b"later", 1)?;
    queue.send(b"sooner", 2)?;
    let soon = SystemTime::now() + Duration::from_millis(5);
    assert_eq!(queue.send_until(b"never", 3, soon), Err(Error::TimedOut));
    assert_eq!(queue.send(&[0; 17], 0), Err(Error::MessageSize));
    assert_eq!(queue.len(), 2);
    assert_eq!(
        queue.receive()?,
        Message {
            bytes: b"sooner".to_vec(),
            priority: 2
        }
    );
    assert_eq!(
        queue.receive()?,
        Message {
            bytes: b"later".to_vec(),
            priority: 1
        }
    );
    assert!(queue.is_empty());
    queue.set_non_blocking(true);
    assert_eq!(queue.receive(), Err(Error::Again));
    MessageQueue::unlink(QUEUE)
}

fn semaphores() -> Result<(), Error> {
    let semaphore = Semaphore::create("/rust", Create::IfMissing, 1)?;
    let same = Semaphore::open("/rust")?;
    same.wait()?;
    assert_eq!(semaphore.try_wait(), Err(Error::Again));
    assert_eq!(
        semaphore.wait_for(Duration::from_millis(5)),
        Err(Error::TimedOut)
    );
    same.post()?;
    assert_eq!(semaphore.value(), 1);
    Semaphore::unlink("/rust")
}

fn shared_memory() -> Result<(), Error> {
    let memory = SharedMemory::create("/rust", Create::New)?;
    memory.resize(10)?;
    memory.write(4, b"hello")?;
    let same = SharedMemory::open("/rust")?;
    assert_eq!(same.read(3, 100)?, b"\0hello\0");
    assert_eq!(same.write(8, b"long"), Err(Error::Invalid));
    assert_eq!(same.size(), 10);
    SharedMemory::unlink("/rust")
}

fn system_v() -> Result<(), Error> {
    let queue = system_v_messages::get(0, OpenFlags::empty(), 0o600)?;
    system_v_messages::send(queue, 7, b"seven", true)?;
    let how = system_v_messages::ReceiveFlags::NO_WAIT;
    assert_eq!(
        system_v_messages::receive(queue, 100, 7, how)?,
        (b"seven".to_vec(), 7)
    );
    system_v_messages::remove(queue)?;

    let set = system_v_semaphores::get(0, 2, OpenFlags::empty(), 0o600)?;
    system_v_semaphores::set_values(set, &[1, 2])?;
    let take = |number| system_v_semaphores::Operation {
        number,
        delta: -1,
        no_wait: true,
        undo: true,
    };
    system_v_semaphores::operate(set, &[take(0), take(1)], None)?;
    assert_eq!(
        system_v_semaphores::operate(set, &[take(1), take(0)], None),
        Err(Error::Again)
    );
    assert_eq!(system_v_semaphores::values(set)?, [0, 1]);
    system_v_semaphores::remove(set)?;

    let segment = system_v_memory::get(0, 100, OpenFlags::empty(), 0o600)?;
    let attached = system_v_memory::attach(segment, false)?;
    attached.write(0, b"shared")?;
    system_v_memory::remove(segment)?;
    assert_eq!(attached.read(0, 6)?, b"shared");
    assert!(system_v_memory::status(segment)?.removed);
    drop(attached);
    assert_eq!(
        system_v_memory::attach(segment, true).unwrap_err(),
        Error::Invalid
    );
    Ok(())
}
