use super::check;
use expect_test::expect;

#[test]
fn messages_come_by_priority_then_by_age() {
    check(
        "a mq_open /q create read write 4 16
         a mq_send /q low 1
         a mq_send /q first 5
         a mq_send /q second 5
         a mq_attr /q
         a mq_receive /q
         a mq_receive /q
         a mq_receive /q
         a mq_receive /q nowait",
        expect![[r#"
            a mq_open /q create read write 4 16 -> ok
            a mq_send /q low 1 -> ok
            a mq_send /q first 5 -> ok
            a mq_send /q second 5 -> ok
            a mq_attr /q -> 3 of 4, 16 bytes, non-block false
            a mq_receive /q -> first, 5
            a mq_receive /q -> second, 5
            a mq_receive /q -> low, 1
            a mq_receive /q nowait -> Again
        "#]],
    );
}

#[test]
fn names_follow_mq_overview() {
    check(
        "a mq_open q create read
         a mq_open / create read
         a mq_open /a/b create read
         a mq_open /.. create read
         a mq_open /q read
         a mq_open /q create read
         a mq_open /q create excl read
         a mq_open /q read
         b mq_open /z create read 0 1
         b mq_open /z create read 1 16777217
         b mq_open /z create read 65536 16777216
         a mq_unlink /q
         a mq_unlink /q
         a mq_receive /q nowait",
        expect![[r#"
            a mq_open q create read -> Invalid
            a mq_open / create read -> NoEntry
            a mq_open /a/b create read -> Access
            a mq_open /.. create read -> Access
            a mq_open /q read -> NoEntry
            a mq_open /q create read -> ok
            a mq_open /q create excl read -> Exist
            a mq_open /q read -> ok
            b mq_open /z create read 0 1 -> Invalid
            b mq_open /z create read 1 16777217 -> Invalid
            b mq_open /z create read 65536 16777216 -> TooManyOpen
            a mq_unlink /q -> ok
            a mq_unlink /q -> NoEntry
            a mq_receive /q nowait -> Again
        "#]],
    );
}

#[test]
fn descriptors_say_what_they_may() {
    check(
        "a mq_open /q create write 1 8
         b mq_open /q read nonblock
         a mq_receive /q
         b mq_send /q x 0
         b mq_receive /q
         a mq_send /q x 32768
         a mq_send /q x 32767
         a mq_send /q ninebytes 0
         b mq_receive /q 7
         b mq_receive /q 8
         b mq_nonblock /q off
         b mq_receive /q
         a mq_send /q y 0
         a close /q
         a mq_send /q y 0
         a mq_attr /q",
        expect![[r#"
            a mq_open /q create write 1 8 -> ok
            b mq_open /q read nonblock -> ok
            a mq_receive /q -> BadDescriptor
            b mq_send /q x 0 -> BadDescriptor
            b mq_receive /q -> Again
            a mq_send /q x 32768 -> Invalid
            a mq_send /q x 32767 -> ok
            a mq_send /q ninebytes 0 -> MessageSize
            b mq_receive /q 7 -> MessageSize
            b mq_receive /q 8 -> x, 32767
            b mq_nonblock /q off -> ok
            b mq_receive /q -> waits
            a mq_send /q y 0 -> ok
              b y, 0
            a close /q -> ok
            a mq_send /q y 0 -> BadDescriptor
            a mq_attr /q -> BadDescriptor
        "#]],
    );
}

#[test]
fn who_waits_longest_is_served_first_and_nobody_overtakes() {
    check(
        "a mq_open /q create read write 1 8
         b mq_open /q read write
         c mq_open /q read write
         d mq_open /q read write
         b mq_receive /q
         c mq_receive /q
         a mq_send /q one 0
         a mq_send /q two 9
         a mq_send /q three 0
         b mq_send /q four 1
         c mq_send /q five 2
         a mq_receive /q
         d mq_send /q six 7 nowait
         a mq_receive /q
         a mq_receive /q
         a mq_attr /q",
        expect![[r#"
            a mq_open /q create read write 1 8 -> ok
            b mq_open /q read write -> ok
            c mq_open /q read write -> ok
            d mq_open /q read write -> ok
            b mq_receive /q -> waits
            c mq_receive /q -> waits
            a mq_send /q one 0 -> ok
              b one, 0
            a mq_send /q two 9 -> ok
              c two, 9
            a mq_send /q three 0 -> ok
            b mq_send /q four 1 -> waits
            c mq_send /q five 2 -> waits
            a mq_receive /q -> three, 0
              b ok
            d mq_send /q six 7 nowait -> Again
            a mq_receive /q -> four, 1
              c ok
            a mq_receive /q -> five, 2
            a mq_attr /q -> 0 of 1, 8 bytes, non-block false
        "#]],
    );
}

#[test]
fn deadlines_pass() {
    check(
        "a mq_open /q create read write 1 8
         b sem_open /s create 0
         a mq_receive /q 2s
         b sem_wait /s 3s
         +1
         +1
         +1
         a mq_send /q x 0
         a mq_send /q y 0 1s
         +1
         a mq_receive /q
         a mq_receive /q 0s
         a mq_receive /q 1s
         c mq_open /q write
         c mq_send /q z 0
         +5",
        expect![[r#"
            a mq_open /q create read write 1 8 -> ok
            b sem_open /s create 0 -> ok
            a mq_receive /q 2s -> waits
            b sem_wait /s 3s -> waits
            +1
            +1
              a TimedOut
            +1
              b TimedOut
            a mq_send /q x 0 -> ok
            a mq_send /q y 0 1s -> waits
            +1
              a TimedOut
            a mq_receive /q -> x, 0
            a mq_receive /q 0s -> TimedOut
            a mq_receive /q 1s -> waits
            c mq_open /q write -> ok
            c mq_send /q z 0 -> ok
              a z, 0
            +5
        "#]],
    );
}

#[test]
fn a_queue_outlives_its_name_and_its_users() {
    check(
        "a mq_open /q create read write 2 8
         a mq_send /q kept 0
         a exit
         b mq_open /q read write
         b mq_unlink /q
         b mq_receive /q
         c mq_open /q read
         c mq_open /q create read 1 8
         b mq_send /q old 0
         b close /q
         c mq_receive /q nowait",
        expect![[r#"
            a mq_open /q create read write 2 8 -> ok
            a mq_send /q kept 0 -> ok
            a exit -> ok
            b mq_open /q read write -> ok
            b mq_unlink /q -> ok
            b mq_receive /q -> kept, 0
            c mq_open /q read -> NoEntry
            c mq_open /q create read 1 8 -> ok
            b mq_send /q old 0 -> ok
            b close /q -> ok
            c mq_receive /q nowait -> Again
        "#]],
    );
}

#[test]
fn a_killed_process_leaves_the_queue() {
    check(
        "a mq_open /q create read write 1 8
         b mq_open /q read write
         c mq_open /q read write
         b mq_receive /q
         c mq_receive /q
         b! exit
         a mq_send /q x 0
         a mq_attr /q",
        expect![[r#"
            a mq_open /q create read write 1 8 -> ok
            b mq_open /q read write -> ok
            c mq_open /q read write -> ok
            b mq_receive /q -> waits
            c mq_receive /q -> waits
            b! exit -> ok
            a mq_send /q x 0 -> ok
              c x, 0
            a mq_attr /q -> 0 of 1, 8 bytes, non-block false
        "#]],
    );
}

#[test]
fn bytes_of_queues_are_reserved() {
    check(
        "a mq_open /a create read 64 1000000
         a mq_open /b create read 64 1000000
         a close /a
         a mq_unlink /a
         a mq_open /b create read 64 1000000",
        expect![[r#"
            a mq_open /a create read 64 1000000 -> ok
            a mq_open /b create read 64 1000000 -> TooManyOpen
            a close /a -> ok
            a mq_unlink /a -> ok
            a mq_open /b create read 64 1000000 -> ok
        "#]],
    );
}

#[test]
fn semaphores_count() {
    check(
        "a sem_open /s create 2
         b sem_open /s create 9
         b sem_value /s
         a sem_wait /s
         b sem_wait /s
         c sem_open /s
         c sem_wait /s nowait
         a sem_wait /s
         b sem_wait /s
         c sem_value /s
         c sem_post /s
         c sem_post /s
         c sem_post /s
         c sem_value /s
         d sem_open /t
         d sem_open /t create 2147483648
         d sem_open /t create 2147483647
         d sem_post /t",
        expect![[r#"
            a sem_open /s create 2 -> ok
            b sem_open /s create 9 -> ok
            b sem_value /s -> 2
            a sem_wait /s -> ok
            b sem_wait /s -> ok
            c sem_open /s -> ok
            c sem_wait /s nowait -> Again
            a sem_wait /s -> waits
            b sem_wait /s -> waits
            c sem_value /s -> 0
            c sem_post /s -> ok
              a ok
            c sem_post /s -> ok
              b ok
            c sem_post /s -> ok
            c sem_value /s -> 1
            d sem_open /t -> NoEntry
            d sem_open /t create 2147483648 -> Invalid
            d sem_open /t create 2147483647 -> ok
            d sem_post /t -> Overflow
        "#]],
    );
}

#[test]
fn a_semaphore_outlives_its_name() {
    check(
        "a sem_open /s create 1
         a sem_unlink /s
         b sem_open /s create 0
         a sem_wait /s
         b sem_wait /s nowait
         a close /s
         a sem_post /s",
        expect![[r#"
            a sem_open /s create 1 -> ok
            a sem_unlink /s -> ok
            b sem_open /s create 0 -> ok
            a sem_wait /s -> ok
            b sem_wait /s nowait -> Again
            a close /s -> ok
            a sem_post /s -> BadDescriptor
        "#]],
    );
}

#[test]
fn unnamed_semaphores_are_shared_or_end_with_their_process() {
    check(
        "a sem_init own 1
         a sem_init ours shared 0
         b sem_wait ours
         a sem_post ours
         a sem_post ours
         a exit
         b sem_wait own
         b sem_wait ours
         b sem_destroy ours
         b sem_post ours",
        expect![[r#"
            a sem_init own 1 -> ok
            a sem_init ours shared 0 -> ok
            b sem_wait ours -> waits
            a sem_post ours -> ok
              b ok
            a sem_post ours -> ok
            a exit -> ok
            b sem_wait own -> Invalid
            b sem_wait ours -> ok
            b sem_destroy ours -> ok
            b sem_post ours -> Invalid
        "#]],
    );
}

#[test]
fn shared_memory_is_zero_and_outlives_its_name() {
    check(
        "a shm_open /m create read write
         a size /m
         a shm_resize /m 10
         a write /m 3 abc
         b shm_open /m read
         b read /m 0 100
         b write /m 0 x
         b shm_resize /m 5
         a write /m 8 xyz
         a shm_unlink /m
         c shm_open /m read
         a close /m
         b read /m 3 3
         b close /m
         b read /m 3 3",
        expect![[r#"
            a shm_open /m create read write -> ok
            a size /m -> 0
            a shm_resize /m 10 -> ok
            a write /m 3 abc -> ok
            b shm_open /m read -> ok
            b read /m 0 100 -> ...abc....
            b write /m 0 x -> Access
            b shm_resize /m 5 -> Invalid
            a write /m 8 xyz -> Invalid
            a shm_unlink /m -> ok
            c shm_open /m read -> NoEntry
            a close /m -> ok
            b read /m 3 3 -> abc
            b close /m -> ok
            b read /m 3 3 -> BadDescriptor
        "#]],
    );
}

#[test]
fn cutting_and_growing_shows_zeros() {
    check(
        "a shm_open /m create read write
         a shm_resize /m 8
         a write /m 0 abcdefgh
         a shm_resize /m 3
         a shm_resize /m 8
         a read /m 0 8
         b shm_open /m read write truncate
         b size /m
         a shm_resize /m 67108864
         b shm_open /n create read write
         b shm_resize /n 1",
        expect![[r#"
            a shm_open /m create read write -> ok
            a shm_resize /m 8 -> ok
            a write /m 0 abcdefgh -> ok
            a shm_resize /m 3 -> ok
            a shm_resize /m 8 -> ok
            a read /m 0 8 -> abc.....
            b shm_open /m read write truncate -> ok
            b size /m -> 0
            a shm_resize /m 67108864 -> ok
            b shm_open /n create read write -> ok
            b shm_resize /n 1 -> NoSpace
        "#]],
    );
}

#[test]
fn exchanges_tell_what_others_changed() {
    check(
        "a shm_open /m create read write
         b shm_open /m read write
         a shm_resize /m 20000
         b shm_exchange /m 0
         a shm_exchange /m 0 5 hello 9000 world
         b shm_exchange /m 0 6 E 4095 xx
         a shm_exchange /m 1
         b shm_exchange /m 2
         a shm_exchange /m 2
         a read /m 4 7
         a shm_exchange /m 2 19999 beyond 30000 beyond
         b shm_exchange /m 2",
        expect![[r#"
            a shm_open /m create read write -> ok
            b shm_open /m read write -> ok
            a shm_resize /m 20000 -> ok
            b shm_exchange /m 0 -> version 0
            a shm_exchange /m 0 5 hello 9000 world -> version 1
            b shm_exchange /m 0 6 E 4095 xx -> version 2 0+4096 8192+4096
            a shm_exchange /m 1 -> version 2 0+8192
            b shm_exchange /m 2 -> version 2
            a shm_exchange /m 2 -> version 2
            a read /m 4 7 -> .hEllo.
            a shm_exchange /m 2 19999 beyond 30000 beyond -> version 3
            b shm_exchange /m 2 -> version 3 16384+3616
        "#]],
    );
}
