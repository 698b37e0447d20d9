use super::check;
use expect_test::expect;

#[test]
fn messages_are_chosen_by_type() {
    check(
        "a msgget k create
         a msgsnd k 3 three
         a msgsnd k 1 one
         a msgsnd k 2 two
         a msgsnd k 1 another
         a msgrcv k 2 100
         a msgrcv k -2 100
         a msgrcv k 3 100 except
         a msgrcv k 0 100
         a msgrcv k 0 100 nowait
         a msgrcv k -9 100 nowait",
        expect![[r#"
            a msgget k create -> id 0
            a msgsnd k 3 three -> ok
            a msgsnd k 1 one -> ok
            a msgsnd k 2 two -> ok
            a msgsnd k 1 another -> ok
            a msgrcv k 2 100 -> two, 2
            a msgrcv k -2 100 -> one, 1
            a msgrcv k 3 100 except -> another, 1
            a msgrcv k 0 100 -> three, 3
            a msgrcv k 0 100 nowait -> NoMessage
            a msgrcv k -9 100 nowait -> NoMessage
        "#]],
    );
}

#[test]
fn long_messages_stay_or_are_cut() {
    check(
        "a msgget k create
         a msgsnd k 1 longer
         a msgrcv k 1 4
         a msgstat k
         +3
         a msgrcv k 1 4 noerror
         a msgstat k
         a msgsnd k 0 x
         a msgsnd k 1 *8193
         b msgrcv k 1 2
         c msgrcv k 2 2
         d msgrcv k 1 10
         a msgsnd k 1 three",
        expect![[r#"
            a msgget k create -> id 0
            a msgsnd k 1 longer -> ok
            a msgrcv k 1 4 -> TooBig
            a msgstat k -> 1 messages, 6 of 16384 bytes, sent 0.000000000s, received never
            +3
            a msgrcv k 1 4 noerror -> long, 1
            a msgstat k -> 0 messages, 0 of 16384 bytes, sent 0.000000000s, received 3.000000000s
            a msgsnd k 0 x -> Invalid
            a msgsnd k 1 *8193 -> Invalid
            b msgrcv k 1 2 -> waits
            c msgrcv k 2 2 -> waits
            d msgrcv k 1 10 -> waits
            a msgsnd k 1 three -> ok
              b TooBig
              d three, 1
            c waits
        "#]],
    );
}

#[test]
fn a_full_queue_holds_senders_up() {
    check(
        "a msgget k create
         a msgsnd k 1 *8192
         a msgsnd k 1 *8192
         b msgsnd k 1 *8000
         c msgsnd k 2 *100
         d msgsnd k 1 x nowait
         d msgrcv k 1 9000
         d msgstat k
         d msgset k 20000
         d msgset k 10",
        expect![[r#"
            a msgget k create -> id 0
            a msgsnd k 1 *8192 -> ok
            a msgsnd k 1 *8192 -> ok
            b msgsnd k 1 *8000 -> waits
            c msgsnd k 2 *100 -> waits
            d msgsnd k 1 x nowait -> Again
            d msgrcv k 1 9000 -> 8192 bytes, 1
              b ok
              c ok
            d msgstat k -> 3 messages, 16292 of 16384 bytes, sent 0.000000000s, received 0.000000000s
            d msgset k 20000 -> NotPermitted
            d msgset k 10 -> ok
        "#]],
    );
}

#[test]
fn receivers_wait_for_their_type() {
    check(
        "a msgget k create
         b msgrcv k 7 10
         c msgrcv k -5 10
         d msgrcv k 7 10 except
         a msgsnd k 6 six
         a msgsnd k 5 five
         a msgsnd k 7 seven
         a msgstat k",
        expect![[r#"
            a msgget k create -> id 0
            b msgrcv k 7 10 -> waits
            c msgrcv k -5 10 -> waits
            d msgrcv k 7 10 except -> waits
            a msgsnd k 6 six -> ok
              d six, 6
            a msgsnd k 5 five -> ok
              c five, 5
            a msgsnd k 7 seven -> ok
              b seven, 7
            a msgstat k -> 0 messages, 0 of 16384 bytes, sent 0.000000000s, received 0.000000000s
        "#]],
    );
}

#[test]
fn keys_and_ids() {
    check(
        "a msgget k
         a msgget k create excl
         a msgget k create excl
         a msgget k create
         a msgget private
         a msgget private
         b msgrcv k 0 10
         a msgrm k
         a msgrm k
         a msgsnd 32768 1 x
         a msgsnd 77 1 x
         a msgsnd -1 1 x",
        expect![[r#"
            a msgget k -> NoEntry
            a msgget k create excl -> id 0
            a msgget k create excl -> Exist
            a msgget k create -> id 0
            a msgget private -> id 1
            a msgget private -> id 2
            b msgrcv k 0 10 -> waits
            a msgrm k -> ok
              b IdentifierRemoved
            a msgrm k -> Invalid
            a msgsnd 32768 1 x -> Invalid
            a msgsnd 77 1 x -> Invalid
            a msgsnd -1 1 x -> Invalid
        "#]],
    );
}

#[test]
fn operations_on_a_set_are_all_or_none() {
    check(
        "a semget k 3 create
         a semsetall k 1 2 3
         a semop k 0-1,1-3n
         a semop k 0-1,1-2,2+4
         a semall k
         a semop k 0=0
         a semop k 2=0n
         a semop k 3-1
         a semop k 2+32767
         a semop k 2+32767,2-32767
         a semset k 2 40000
         a semset k 9 1
         a semget k 4 create
         a semget k 0
         a semget z 0 create
         a semall k",
        expect![[r#"
            a semget k 3 create -> id 0
            a semsetall k 1 2 3 -> ok
            a semop k 0-1,1-3n -> Again
            a semop k 0-1,1-2,2+4 -> ok
            a semall k -> [0, 0, 7]
            a semop k 0=0 -> ok
            a semop k 2=0n -> Again
            a semop k 3-1 -> FileTooBig
            a semop k 2+32767 -> Range
            a semop k 2+32767,2-32767 -> Range
            a semset k 2 40000 -> Range
            a semset k 9 1 -> Invalid
            a semget k 4 create -> Invalid
            a semget k 0 -> id 0
            a semget z 0 create -> Invalid
            a semall k -> [0, 0, 7]
        "#]],
    );
}

#[test]
fn waiting_operations_go_on_in_order() {
    check(
        "a semget k 2 create
         b semop k 0-2
         c semop k 0-1
         d semop k 0-1,1=0
         e semop k 1-1
         a semget1 k 0
         a semop k 0+1,1+1
         a semall k
         a semop k 0+2
         a semall k",
        expect![[r#"
            a semget k 2 create -> id 0
            b semop k 0-2 -> waits
            c semop k 0-1 -> waits
            d semop k 0-1,1=0 -> waits
            e semop k 1-1 -> waits
            a semget1 k 0 -> 0, 3 wait for more, 0 for zero
            a semop k 0+1,1+1 -> ok
              c ok
              e ok
            a semall k -> [0, 0]
            a semop k 0+2 -> ok
              b ok
            a semall k -> [0, 0]
            d waits
        "#]],
    );
}

#[test]
fn waiting_for_zero_comes_before_those_that_change() {
    check(
        "a semget k 1 create
         a semset k 0 1
         b semop k 0-2
         c semop k 0=0
         d semop k 0=0,0+2
         a semget1 k 0
         a semop k 0-1
         a semall k",
        expect![[r#"
            a semget k 1 create -> id 0
            a semset k 0 1 -> ok
            b semop k 0-2 -> waits
            c semop k 0=0 -> waits
            d semop k 0=0,0+2 -> waits
            a semget1 k 0 -> 1, 1 wait for more, 2 for zero
            a semop k 0-1 -> ok
              c ok
              d ok
              b ok
            a semall k -> [0]
        "#]],
    );
}

#[test]
fn semtimedop_ends_and_removal_wakes() {
    check(
        "a semget k 1 create
         b semop k 0-1 2s
         c semop k 0-1
         +2
         a semget1 k 0
         a semrm k
         a semall k",
        expect![[r#"
            a semget k 1 create -> id 0
            b semop k 0-1 2s -> waits
            c semop k 0-1 -> waits
            +2
              b Again
            a semget1 k 0 -> 0, 1 wait for more, 0 for zero
            a semrm k -> ok
              c IdentifierRemoved
            a semall k -> Invalid
        "#]],
    );
}

#[test]
fn what_a_process_took_is_given_back_when_it_ends() {
    check(
        "a semget k 2 create
         a semsetall k 1 5
         b semop k 0-1u,1-2u
         b semop k 1-1
         c semop k 0-1
         b exit
         a semall k
         d semop k 1+3u
         d semop k 1-3u
         d semop k 1-1u
         a semset k 1 7
         d exit
         a semall k",
        expect![[r#"
            a semget k 2 create -> id 0
            a semsetall k 1 5 -> ok
            b semop k 0-1u,1-2u -> ok
            b semop k 1-1 -> ok
            c semop k 0-1 -> waits
            b exit -> ok
              c ok
            a semall k -> [0, 4]
            d semop k 1+3u -> ok
            d semop k 1-3u -> ok
            d semop k 1-1u -> ok
            a semset k 1 7 -> ok
            d exit -> ok
            a semall k -> [0, 7]
        "#]],
    );
}

#[test]
fn adjustments_stay_in_their_range() {
    check(
        "a semget k 1 create
         a semset k 0 32767
         b semop k 0-32767u
         a semop k 0+32767
         b semop k 0-1u
         a semop k 0-32767
         a semop k 0+20000
         b exit
         a semall k",
        expect![[r#"
            a semget k 1 create -> id 0
            a semset k 0 32767 -> ok
            b semop k 0-32767u -> ok
            a semop k 0+32767 -> ok
            b semop k 0-1u -> Range
            a semop k 0-32767 -> ok
            a semop k 0+20000 -> ok
            b exit -> ok
            a semall k -> [32767]
        "#]],
    );
}

#[test]
fn segments_go_with_their_last_detach() {
    check(
        "a shmget k 5000 create
         a shmget k 6000 create
         a shmget k 0
         a shmget z 0 create
         a shmget z 67108865 create
         a shmat k
         b shmat k readonly
         a write k 0 hello
         b read k 0 5
         b write k 0 x
         a shm_resize k 1
         a shmrm k
         a shmstat k
         c shmget k 10
         a close k
         b exit
         a shmstat k",
        expect![[r#"
            a shmget k 5000 create -> id 0
            a shmget k 6000 create -> Invalid
            a shmget k 0 -> id 0
            a shmget z 0 create -> Invalid
            a shmget z 67108865 create -> NoSpace
            a shmat k -> ok
            b shmat k readonly -> ok
            a write k 0 hello -> ok
            b read k 0 5 -> hello
            b write k 0 x -> Access
            a shm_resize k 1 -> Invalid
            a shmrm k -> ok
            a shmstat k -> key 0, 5000 bytes, 2 attached, removed true
            c shmget k 10 -> NoEntry
            a close k -> ok
            b exit -> ok
            a shmstat k -> Invalid
        "#]],
    );
}
