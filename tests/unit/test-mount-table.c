/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers of statmount() and buffers of mount news, whole, cut and wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "kernel/fanotify-abi.h"
#include "kernel/mount-abi.h"
#include "kernel/mount-table.h"
#include "src/basic/macro.h"

#define STRINGS "xfs\0/\0/srv/a b\0/dev/sda1"
#define ALL                                                                                     \
        (ABI_STATMOUNT_SB_BASIC | ABI_STATMOUNT_MNT_BASIC | ABI_STATMOUNT_MNT_ROOT |            \
         ABI_STATMOUNT_MNT_POINT | ABI_STATMOUNT_FS_TYPE | ABI_STATMOUNT_SB_SOURCE)

/* The fixed part and the strings behind it. */
typedef union Answer {
        struct abi_statmount fixed;
        char bytes[sizeof(struct abi_statmount) + sizeof(STRINGS)];
} Answer;

static Answer good_answer(void) {
        Answer answer = {
                .fixed.size = sizeof(struct abi_statmount) + sizeof(STRINGS),
                .fixed.mask = ALL,
                .fixed.sb_dev_major = 8,
                .fixed.sb_dev_minor = 1,
                .fixed.mnt_id = UINT64_C(0x100000000007),
                .fixed.fs_type = 0,
                .fixed.mnt_root = 4,
                .fixed.mnt_point = 6,
                .fixed.sb_source = 15,
        };

        memcpy(answer.bytes + sizeof(struct abi_statmount), STRINGS, sizeof(STRINGS));
        return answer;
}

static void test_info(void **state) {
        _cleanup_(mount_info_clear) MountInfo info = {};
        Answer answer = good_answer();

        (void) state;
        assert_int_equal(mount_info_parse(&answer, sizeof(answer), &info), 0);
        assert_true(info.mount_id == UINT64_C(0x100000000007));
        assert_true(info.device_number == makedev(8, 1));
        assert_string_equal(info.type, "xfs");
        assert_string_equal(info.root, "/");
        assert_string_equal(info.mount_point, "/srv/a b");
        assert_string_equal(info.source, "/dev/sda1");
        assert_false(info.is_read_only);
        assert_false(info.is_superblock_read_only);
        mount_info_clear(&info);
        assert_null(info.type);

        answer.fixed.mnt_attr = ABI_MOUNT_ATTR_RDONLY | 0x2;
        assert_int_equal(mount_info_parse(&answer, sizeof(answer), &info), 0);
        assert_true(info.is_read_only);
        assert_false(info.is_superblock_read_only);
        mount_info_clear(&info);

        answer.fixed.mnt_attr = 0;
        answer.fixed.sb_flags = ABI_SB_RDONLY;
        answer.fixed.mask &= ~(uint64_t) (ABI_STATMOUNT_MNT_POINT | ABI_STATMOUNT_SB_SOURCE);
        assert_int_equal(mount_info_parse(&answer, sizeof(answer), &info), 0);
        assert_false(info.is_read_only);
        assert_true(info.is_superblock_read_only);
        assert_null(info.mount_point);
        assert_null(info.source);
}

static void test_bad_info(void **state) {
        static const char *const names[] = {
                "shorter than the fixed part", "says it is shorter", "says it is longer",
                "no type", "no device", "no root",
                "text outside", "text at the very end", "text without end",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                MountInfo info = { .mount_id = 99 };
                Answer answer = good_answer();
                size_t size_bytes = sizeof(answer);

                print_message("%s\n", names[i]);
                switch (i) {
                case 0: size_bytes = sizeof(struct abi_statmount) - 1; break;
                case 1: answer.fixed.size = 8; break;
                case 2: answer.fixed.size = sizeof(answer) + 1; break;
                case 3: answer.fixed.mask &= ~(uint64_t) ABI_STATMOUNT_FS_TYPE; break;
                case 4: answer.fixed.mask &= ~(uint64_t) ABI_STATMOUNT_SB_BASIC; break;
                case 5: answer.fixed.mask &= ~(uint64_t) ABI_STATMOUNT_MNT_ROOT; break;
                case 6: answer.fixed.sb_source = UINT32_MAX; break;
                case 7: answer.fixed.sb_source = answer.fixed.size - sizeof(struct abi_statmount); break;
                case 8: answer.fixed.size -= 1; break;
                }
                assert_int_equal(mount_info_parse(&answer, size_bytes, &info), -EBADMSG);
                assert_true(info.mount_id == 99 && !info.type);
        }
}

typedef struct News {
        size_t n;
        uint64_t mount_ids[8];
        unsigned changes[8];
} News;

static void on_changed(uint64_t mount_id, unsigned changes, void *userdata) {
        News *news = userdata;

        assert_true(news->n < ELEMENTSOF(news->mount_ids));
        news->mount_ids[news->n] = mount_id;
        news->changes[news->n++] = changes;
}

typedef struct Event {
        struct abi_fanotify_event_metadata metadata;
        struct abi_fanotify_event_info_mnt mount;
} Event;

static Event event_of(uint64_t mask, uint64_t mount_id) {
        return (Event) {
                .metadata = {
                        .event_len = sizeof(Event),
                        .vers = ABI_FANOTIFY_METADATA_VERSION,
                        .metadata_len = sizeof(struct abi_fanotify_event_metadata),
                        .mask = mask,
                        .fd = -1,
                },
                .mount = {
                        .hdr = { ABI_FAN_EVENT_INFO_TYPE_MNT, 0, sizeof(struct abi_fanotify_event_info_mnt) },
                        .mnt_id = mount_id,
                },
        };
}

static void test_news(void **state) {
        Event events[5];
        News news = {};

        (void) state;
        events[0] = event_of(ABI_FAN_MNT_ATTACH, 1);
        events[1] = event_of(ABI_FAN_MNT_DETACH, UINT64_MAX);
        events[2] = event_of(ABI_FAN_MNT_ATTACH | ABI_FAN_MNT_DETACH, 3);
        events[3] = event_of(0x80000000, 4);    /* news of the future */
        events[4] = event_of(ABI_FAN_MNT_ATTACH, 5);
        events[4].mount.hdr.info_type = 200;    /* a record of the future */

        assert_int_equal(mount_events_parse(events, sizeof(events), on_changed, &news), 0);
        assert_int_equal(news.n, 3);
        assert_true(news.mount_ids[0] == 1 && news.mount_ids[1] == UINT64_MAX && news.mount_ids[2] == 3);
        assert_int_equal(news.changes[0], MOUNT_ATTACHED);
        assert_int_equal(news.changes[1], MOUNT_DETACHED);
        assert_int_equal(news.changes[2], MOUNT_ATTACHED | MOUNT_DETACHED);

        assert_int_equal(mount_events_parse(events, 0, on_changed, &news), 0);
        assert_int_equal(news.n, 3);
}

static void test_overflow(void **state) {
        Event attached = event_of(ABI_FAN_MNT_ATTACH, 7);
        Event overflow = event_of(ABI_FAN_Q_OVERFLOW, 0);
        char buffer[sizeof(attached) + sizeof(overflow.metadata) + sizeof(attached)];
        News news = {};

        (void) state;
        /* An overflow has no record behind it, and what follows it still counts. */
        overflow.metadata.event_len = sizeof(overflow.metadata);
        memcpy(buffer, &attached, sizeof(attached));
        memcpy(buffer + sizeof(attached), &overflow.metadata, sizeof(overflow.metadata));
        memcpy(buffer + sizeof(attached) + sizeof(overflow.metadata), &attached, sizeof(attached));
        assert_int_equal(mount_events_parse(buffer, sizeof(buffer), on_changed, &news), -EOVERFLOW);
        assert_int_equal(news.n, 2);
}

static void test_bad_news(void **state) {
        static const char *const names[] = {
                "part of an event", "another version", "event shorter than its head",
                "event longer than the buffer", "head shorter than it is", "head longer than the event",
                "record without length", "record too long", "record too short", "part of a record's head",
                "record of the future without length",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Event event = event_of(ABI_FAN_MNT_ATTACH, 1);
                size_t size_bytes = sizeof(event);
                News news = {};

                print_message("%s\n", names[i]);
                switch (i) {
                case 0: size_bytes = sizeof(event.metadata) - 1; break;
                case 1: event.metadata.vers = 4; break;
                case 2: event.metadata.event_len = 8; break;
                case 3: event.metadata.event_len += 1; break;
                case 4: event.metadata.metadata_len = 8; break;
                case 5: event.metadata.metadata_len = sizeof(event) + 1; break;
                case 6: event.mount.hdr.len = 0; break;
                case 7: event.mount.hdr.len += 1; break;
                case 8: event.mount.hdr.len = 8; break;
                case 9: event.metadata.event_len = sizeof(event.metadata) + 2; break;
                case 10: event.mount.hdr = (struct abi_fanotify_event_info_header) { .info_type = 200 }; break;
                }
                assert_int_equal(mount_events_parse(&event, size_bytes, on_changed, &news), -EBADMSG);
                assert_int_equal(news.n, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_info),
                cmocka_unit_test(test_bad_info),
                cmocka_unit_test(test_news),
                cmocka_unit_test(test_overflow),
                cmocka_unit_test(test_bad_news),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
