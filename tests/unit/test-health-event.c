/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events in words (upstream's log grammar), and which of them are the same fact again.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/model/health-event.h"

typedef struct TextCase {
        const char *name;
        HealthEvent event;
        const char *subject, *path;
        const char *text, *target;
} TextCase;

static const TextCase text_cases[] = {
        { "group", { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT },
          "/srv", NULL, "/srv agno 0x0 finobt: sick", "agno 0x0 finobt" },
        { "group number", { .kind = EVENT_CORRUPT, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_SUPER, .group = 26 },
          "/srv", NULL, "/srv agno 0x1a super: corrupt", "agno 0x1a super" },
        { "realtime group",
          { .kind = EVENT_HEALTHY, .domain = DOMAIN_RTGROUP, .structure = STRUCTURE_RTGROUP_RMAPBT, .group = 3 },
          "/srv", NULL, "/srv rgno 0x3 rmapbt: healthy", "rgno 0x3 rmapbt" },
        { "file system", { .kind = EVENT_SICK, .domain = DOMAIN_FS, .structure = STRUCTURE_FS_COUNTERS },
          "/srv", NULL, "/srv fscounters: sick", "fscounters" },
        { "no structure", { .kind = EVENT_SICK, .domain = DOMAIN_AG, .group = 1 },
          "/srv", NULL, "/srv agno 0x1: sick", "agno 0x1" },
        { "unknown bits",
          { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_UNRECOGNISED, .unknown_bits = 0x1800 },
          "/srv", NULL, "/srv agno 0x0 0x1800: sick", "agno 0x0 0x1800" },
        { "inode", { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE, .inode = 133,
                     .generation = 0x5a },
          "/srv", NULL, "/srv ino 133 gen 0x5a core: sick", "ino 133 gen 0x5a core" },
        { "inode with path", { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_DIRECTORY,
                               .inode = 133, .generation = 5 },
          "/srv", "/dir/file", "/srv/dir/file directory: sick", "ino 133 gen 0x5 directory" },
        { "inode with path below /", { .kind = EVENT_SICK, .domain = DOMAIN_INODE,
                                       .structure = STRUCTURE_INODE_XATTR, .inode = 133 },
          "/", "/dir/file", "/dir/file xattr: sick", "ino 133 gen 0x0 xattr" },
        { "a path says nothing of a group", { .kind = EVENT_SICK, .domain = DOMAIN_AG,
                                              .structure = STRUCTURE_AG_AGI },
          "/srv", "/dir", "/srv agno 0x0 agi: sick", "agno 0x0 agi" },
        { "data device", { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_DATADEV, .device_block = 255,
                           .device_block_count = 8 },
          "/srv", NULL, "/srv datadev daddr 0xff bbcount 0x8: media error", "datadev daddr 0xff bbcount 0x8" },
        { "log device", { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_LOGDEV, .device_block = 1 },
          "/srv", NULL, "/srv logdev daddr 0x1 bbcount 0x0: media error", "logdev daddr 0x1 bbcount 0x0" },
        { "realtime device", { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_RTDEV, .device_block = 1 },
          "/srv", NULL, "/srv rtdev daddr 0x1 bbcount 0x0: media error", "rtdev daddr 0x1 bbcount 0x0" },
        { "direct read", { .kind = EVENT_READ_ERROR, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_DIRECT,
                           .inode = 133, .generation = 5, .length_bytes = 4096, .error = EIO },
          "/srv", NULL, "/srv ino 133 gen 0x5 pos 0 len 4096: directio_read: Input/output error",
          "ino 133 gen 0x5 pos 0 len 4096" },
        { "direct write", { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_DIRECT,
                            .error = ENOSPC },
          "/srv", "/f", "/srv/f pos 0 len 0: directio_write: No space left on device", "ino 0 gen 0x0 pos 0 len 0" },
        { "buffered read", { .kind = EVENT_READ_ERROR, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_BUFFERED,
                             .position_bytes = 4096, .length_bytes = 512, .error = 7777 },
          "/srv", "/f", "/srv/f pos 4096 len 512: buffered_read: Unknown error 7777",
          "ino 0 gen 0x0 pos 4096 len 512" },
        { "write without error", { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE,
                                   .io_path = IO_PATH_BUFFERED },
          "/srv", "/f", "/srv/f pos 0 len 0: buffered_write failed", "ino 0 gen 0x0 pos 0 len 0" },
        { "read by nobody knows what", { .kind = EVENT_READ_ERROR, .domain = DOMAIN_INODE, .inode = 9, .error = EIO },
          "/srv", NULL, "/srv ino 9 gen 0x0: read: Input/output error", "ino 9 gen 0x0" },
        { "lost data", { .kind = EVENT_DATA_LOST, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_MEDIA, .inode = 9,
                         .position_bytes = 8, .length_bytes = 9, .error = EIO },
          "/srv", NULL, "/srv ino 9 gen 0x0 pos 8 len 9: media failed", "ino 9 gen 0x0 pos 8 len 9" },
        { "unreadable", { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF,
                          .io_path = IO_PATH_MEDIA },
          "/srv", NULL, "/srv agno 0x0 agf: sick, a part of it cannot be read", "agno 0x0 agf" },
        { "media verified", { .kind = EVENT_VERIFY_DONE, .domain = DOMAIN_MOUNT },
          "/srv", NULL, "/srv: media verified", "" },
        { "media not verified", { .kind = EVENT_VERIFY_FAILED, .domain = DOMAIN_MOUNT, .error = EIO },
          "/srv", NULL, "/srv: verification of the media failed: Input/output error", "" },
        { "shutdown", { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT,
                        .shutdown_reasons = SHUTDOWN_METADATA_IO_ERROR|SHUTDOWN_LOG_IO_ERROR },
          "/srv", NULL, "/srv: filesystem shut down due to metadata I/O error, log I/O error", "" },
        { "shutdown, unknown reasons", { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT,
                                         .shutdown_reasons = SHUTDOWN_DEVICE_REMOVED|0x80000040 },
          "/srv", NULL, "/srv: filesystem shut down due to device removed, 0x80000040", "" },
        { "shutdown, only unknown", { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT, .shutdown_reasons = 0x40 },
          "/srv", NULL, "/srv: filesystem shut down due to 0x40", "" },
        { "shutdown without reason", { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT },
          "/srv", NULL, "/srv: filesystem shut down", "" },
        { "lost events", { .kind = EVENT_EVENTS_LOST, .domain = DOMAIN_MOUNT, .count = 17 },
          "/srv", NULL, "/srv: 17 events lost", "" },
        { "watching", { .kind = EVENT_WATCHING, .domain = DOMAIN_MOUNT },
          "/srv", NULL, "/srv: monitoring started", "" },
        { "unmounted", { .kind = EVENT_UNMOUNTED, .domain = DOMAIN_MOUNT },
          "/srv", NULL, "/srv: filesystem unmounted", "" },
        { "merged", { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .count = 12 },
          "/srv", NULL, "/srv agno 0x0 agf: sick (12 reports)", "agno 0x0 agf" },
        { "one report", { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .count = 1 },
          "/srv", NULL, "/srv agno 0x0 agf: sick", "agno 0x0 agf" },
        { "repaired", { .kind = EVENT_REPAIR_DONE, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF },
          "/srv", NULL, "/srv agno 0x0 agf: Repairs successful.", "agno 0x0 agf" },
        { "not repaired", { .kind = EVENT_REPAIR_FAILED, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF,
                            .error = EROFS },
          "/srv", NULL, "/srv agno 0x0 agf: Repair unsuccessful: Read-only file system", "agno 0x0 agf" },
        { "scrubbed", { .kind = EVENT_SCRUB_DONE, .domain = DOMAIN_MOUNT },
          "/srv", NULL, "/srv: full check done", "" },
        { "not scrubbed", { .kind = EVENT_SCRUB_FAILED, .domain = DOMAIN_MOUNT },
          "/srv", NULL, "/srv: full check failed", "" },
        { "refused", { .kind = EVENT_ACTION_REFUSED, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF },
          "/srv", NULL, "/srv agno 0x0 agf: action refused", "agno 0x0 agf" },
        { "monitor lost", { .kind = EVENT_MONITOR_LOST, .domain = DOMAIN_MOUNT, .error = EIO },
          "/srv", NULL, "/srv: monitoring ended: Input/output error", "" },
        { "ext4", { .kind = EVENT_FILESYSTEM_ERROR, .domain = DOMAIN_INODE, .inode = 12, .generation = 3,
                    .error = EUCLEAN, .count = 2, .location = "ext4_find_entry:1594" },
          "/srv", NULL,
          "/srv ino 12 gen 0x3: filesystem error: Structure needs cleaning at ext4_find_entry:1594 (2 reports)",
          "ino 12 gen 0x3" },
        { "unrecognised", { .kind = EVENT_UNRECOGNISED, .domain = DOMAIN_AG, .raw_type = 99, .raw_domain = 2,
                            .raw = { 2, 0, 0, 0, 99, 0, 0, 0, [16] = 0xab, [20] = 1, [50] = 7 } },
          "/srv", NULL, "/srv unrecognised event type 99 domain 2: 0200000063000000" "0000000000000000" "ab00000001",
          "unrecognised event type 99 domain 2" },
        { "unrecognised to the last byte", { .kind = EVENT_UNRECOGNISED, .raw_type = 1, .raw_domain = 77,
                                             .raw = { 77, [47] = 0xff, [48] = 0xee } },
          "/srv", NULL, "/srv unrecognised event type 1 domain 77: 4d000000000000000000000000000000"
          "00000000000000000000000000000000" "000000000000000000000000000000ff",
          "unrecognised event type 1 domain 77" },
        { "unrecognised, nothing kept", { .kind = EVENT_UNRECOGNISED, .raw_type = 99, .raw_domain = 2 },
          "/srv", NULL, "/srv unrecognised event type 99 domain 2", "unrecognised event type 99 domain 2" },
        { "names from elsewhere", { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE },
          "/s\033v", "/a\nb\\\xff", "/s\\x1bv/a\\x0ab\\x5c\\xff core: sick", "ino 0 gen 0x0 core" },
        { "device", { .kind = EVENT_SICK, .domain = DOMAIN_FS, .structure = STRUCTURE_FS_NLINKS },
          "/dev/sda1", NULL, "/dev/sda1 nlinks: sick", "nlinks" },
        { "kind from elsewhere", { .kind = (EventKind) 99, .domain = (EventDomain) 99, .structure = (Structure) 99 },
          "/srv", NULL, "/srv", "" },
};

static void test_text(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(text_cases); i++) {
                const TextCase *row = text_cases + i;
                char buffer[EVENT_TEXT_SIZE];

                print_message("%s\n", row->name);
                memset(buffer, 'x', sizeof(buffer));
                assert_ptr_equal(health_event_text(&row->event, row->subject, row->path, buffer), buffer);
                assert_string_equal(buffer, row->text);
                memset(buffer, 'x', sizeof(buffer));
                assert_ptr_equal(health_event_target_text(&row->event, buffer), buffer);
                assert_string_equal(buffer, row->target);
        }
}

/* What names one structure is read as it was written, and nothing else is. */
static void test_read_target(_unused_ void **state) {
        static const HealthEvent events[] = {
                { .domain = DOMAIN_FS, .structure = STRUCTURE_FS_NLINKS },
                { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_RMAPBT, .group = 0x1f },
                { .domain = DOMAIN_RTGROUP, .structure = STRUCTURE_RTGROUP_RMAPBT, .group = UINT32_MAX },
                { .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_DIRECTORY, .inode = UINT64_MAX,
                  .generation = UINT32_MAX },
                { .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE, .inode = 1 },
        };
        static const char *const texts[] = {
                "", " ", "agno", "agno 0x0", "agno 0x0 directory", "agno 0x0 unrecognised", "agno 0 rmapbt",
                "agno 0x100000000 rmapbt", "agno  0x0 rmapbt", "agno 0x0 rmapbt ", "agno 0x0 rmapbt more words",
                "xgno 0x0 rmapbt", "ino 131 gen 0x5", "ino 131 gen 0x5 rmapbt", "ino 0 gen 0x5 core",
                "ino 131 gen 5 core", "ino -1 gen 0x5 core", "ino 131 gen 0x5 core ", "unrecognised", "rmapbt",
                "datadev daddr 0x1 bbcount 0x2", "ino 131 gen 0x5 pos 1 len 2",
        };
        char text[EVENT_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                HealthEvent read = { .id = 7 }, written = events[i];

                written.kind = EVENT_SICK;
                health_event_target_text(&written, text);
                print_message("%s\n", text);
                assert_int_equal(health_event_read_target(text, &read), 0);
                assert_int_equal(read.domain, events[i].domain);
                assert_int_equal(read.structure, events[i].structure);
                assert_int_equal(read.group, events[i].group);
                assert_true(read.inode == events[i].inode);
                assert_int_equal(read.generation, events[i].generation);
                assert_int_equal(read.id, 7);
        }
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                HealthEvent read = {};

                print_message("\"%s\"\n", texts[i]);
                assert_int_equal(health_event_read_target(texts[i], &read), -EINVAL);
        }
}

/* However long the name: what happened is still there. */
static void test_record(_unused_ void **state) {
        const HealthEvent group[] = {
                { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_BNOBT, .group = 2 },
                { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_CNTBT, .group = 2 },
                { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_UNRECOGNISED, .group = 2,
                  .unknown_bits = 0x800 },
        };
        const HealthEvent inode[] = {
                { .kind = EVENT_CORRUPT, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE, .inode = 133 },
                { .kind = EVENT_CORRUPT, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_PARENT, .inode = 133 },
        };
        char buffer[EVENT_TEXT_SIZE];

        assert_string_equal(health_record_text(group, 3, "/srv", NULL, buffer),
                            "/srv agno 0x2 bnobt, cntbt, 0x800: sick");
        assert_string_equal(health_record_text(group, 1, "/srv", NULL, buffer), "/srv agno 0x2 bnobt: sick");
        assert_string_equal(health_record_text(inode, 2, "/srv", NULL, buffer),
                            "/srv ino 133 gen 0x0 core, parent: corrupt");
        assert_string_equal(health_record_text(inode, 2, "/srv", "/a", buffer), "/srv/a core, parent: corrupt");
}

static void test_answer(_unused_ void **state) {
        const HealthEvent group = { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_BNOBT,
                                    .group = 2, .count = 3 };
        const HealthEvent inode = { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_XATTR,
                                    .inode = 133, .generation = 7 };
        char buffer[EVENT_TEXT_SIZE];

        assert_string_equal(health_event_answer_text(&group, "/srv", "/ignored", "Done.", buffer),
                            "/srv agno 0x2 bnobt: Done.");
        assert_string_equal(health_event_answer_text(&inode, "/srv", NULL, "Done.", buffer),
                            "/srv ino 133 gen 0x7 xattr: Done.");
        assert_string_equal(health_event_answer_text(&inode, "/srv", "/a b", "Done.", buffer),
                            "/srv/a b xattr: Done.");
}

static void test_long_path(_unused_ void **state) {
        static const char tail[] = " core: sick (3 reports)";
        /* What one byte of the path becomes. */
        static const struct {
                char byte;
                const char *written;
        } fillers[] = {
                { 'a',  "a"     },
                { '\n', "\\x0a" },
        };
        HealthEvent event = {
                .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE, .inode = 133, .count = 3,
        };

        for (size_t i = 0; i < ELEMENTSOF(fillers); i++) {
                const size_t step = strlen(fillers[i].written), around = strlen("/srv/") + strlen(tail);
                char path[4096] = "/", buffer[EVENT_TEXT_SIZE];

                print_message("%s\n", fillers[i].written);
                for (size_t length = 1; length < sizeof(path) - 1; length++) {
                        size_t whole = around + length * step, written;

                        path[length] = fillers[i].byte;
                        written = strlen(health_event_text(&event, "/srv", path, buffer));
                        assert_true(text_starts_with(buffer, "/srv/"));
                        assert_true(text_ends_with(buffer, tail));
                        /* Whole if it fits beside the place for the dots, else as much of it as goes in. */
                        if (whole + strlen("...") < EVENT_TEXT_SIZE)
                                assert_int_equal(written, whole);
                        else {
                                assert_true(written >= EVENT_TEXT_SIZE - step && written < EVENT_TEXT_SIZE);
                                assert_memory_equal(buffer + written - strlen(tail) - 3, "...", 3);
                        }
                }

                /* A mount point can be as long. */
                (void) health_event_text(&event, path, "/file", buffer);
                assert_true(text_ends_with(buffer, "... core: sick (3 reports)"));
        }
}

typedef struct MergeCase {
        const char *name;
        HealthEvent earlier, later;
        bool may_merge;
} MergeCase;

/* Parts of the rows: the same write error, the same media error, the same record that nobody knows. */
#define WRITE .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_DIRECT, .error = EIO
#define LOST .kind = EVENT_DATA_LOST, .domain = DOMAIN_FILERANGE, .inode = 7
#define MEDIA .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_DATADEV
#define AG_SICK .kind = EVENT_SICK, .domain = DOMAIN_AG
#define UNKNOWN .kind = EVENT_UNRECOGNISED, .raw_type = 99, .raw_domain = 2

static const MergeCase merge_cases[] = {
        { "the same", { AG_SICK, .structure = STRUCTURE_AG_AGF }, { AG_SICK, .structure = STRUCTURE_AG_AGF }, true },
        { "times and ids differ", { AG_SICK, .id = 1, .time_realtime_nsec = 5, .received_boottime_usec = 5 },
          { AG_SICK, .id = 2, .time_realtime_nsec = 6, .received_boottime_usec = 6 }, true },
        { "file system", { AG_SICK, .filesystem_id = 1 }, { AG_SICK, .filesystem_id = 2 }, false },
        { "cause", { AG_SICK, .cause_id = 1 }, { AG_SICK, .cause_id = 2 }, false },
        { "test", { AG_SICK }, { AG_SICK, .is_test = true }, false },
        { "kind", { AG_SICK }, { .kind = EVENT_CORRUPT, .domain = DOMAIN_AG }, false },
        { "domain", { AG_SICK }, { .kind = EVENT_SICK, .domain = DOMAIN_RTGROUP }, false },
        { "structure", { AG_SICK, .structure = STRUCTURE_AG_AGF }, { AG_SICK, .structure = STRUCTURE_AG_AGI }, false },
        { "unknown bits", { AG_SICK, .structure = STRUCTURE_UNRECOGNISED, .unknown_bits = 1 },
          { AG_SICK, .structure = STRUCTURE_UNRECOGNISED, .unknown_bits = 2 }, false },
        { "group", { AG_SICK, .group = 1 }, { AG_SICK, .group = 2 }, false },
        { "inode", { WRITE, .inode = 1 }, { WRITE, .inode = 2 }, false },
        { "generation", { WRITE, .generation = 1 }, { WRITE, .generation = 2 }, false },
        { "errno", { WRITE }, { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_DIRECT },
          false },
        { "buffered and direct", { WRITE },
          { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .io_path = IO_PATH_BUFFERED, .error = EIO },
          false },
        { "reasons", { .kind = EVENT_SHUTDOWN, .shutdown_reasons = 1 },
          { .kind = EVENT_SHUTDOWN, .shutdown_reasons = 3 }, false },
        { "range of a write error", { WRITE, .position_bytes = 1, .length_bytes = 1 },
          { WRITE, .position_bytes = 9, .length_bytes = 2 }, true },
        { "range of a read error", { .kind = EVENT_READ_ERROR, .length_bytes = 1 },
          { .kind = EVENT_READ_ERROR, .length_bytes = 2 }, true },
        { "lost data, the same", { LOST, .length_bytes = 1 }, { LOST, .length_bytes = 1 }, true },
        { "lost data, a gap", { LOST, .position_bytes = 1 }, { LOST, .position_bytes = 2 }, false },
        { "lost data, a gap behind", { LOST, .position_bytes = 9, .length_bytes = 9 },
          { LOST, .position_bytes = 4, .length_bytes = 4 }, false },
        { "lost data, neighbours", { LOST, .position_bytes = 4096, .length_bytes = 4096 },
          { LOST, .position_bytes = 8192, .length_bytes = 512 }, true },
        { "lost data, neighbours the other way", { LOST, .position_bytes = 8192, .length_bytes = 512 },
          { LOST, .position_bytes = 4096, .length_bytes = 4096 }, true },
        { "lost data, one in the other", { LOST, .length_bytes = 1 }, { LOST, .length_bytes = 2 }, true },
        { "media error, the same", { MEDIA, .device_block = 1 }, { MEDIA, .device_block = 1 }, true },
        { "media error, a gap", { MEDIA, .device_block = 1 }, { MEDIA, .device_block = 2 }, false },
        { "media error, neighbours", { MEDIA, .device_block = 8, .device_block_count = 8 },
          { MEDIA, .device_block = 16, .device_block_count = 8 }, true },
        { "media error, to the end of all", { MEDIA, .device_block = UINT64_MAX - 1, .device_block_count = 8 },
          { MEDIA, .device_block = UINT64_MAX, .device_block_count = 8 }, true },
        { "lost events", { .kind = EVENT_EVENTS_LOST, .count = 3 }, { .kind = EVENT_EVENTS_LOST, .count = 4 }, true },
        { "watching twice", { .kind = EVENT_WATCHING }, { .kind = EVENT_WATCHING }, false },
        { "unmounted twice", { .kind = EVENT_UNMOUNTED }, { .kind = EVENT_UNMOUNTED }, false },
        { "monitor lost twice", { .kind = EVENT_MONITOR_LOST }, { .kind = EVENT_MONITOR_LOST }, false },
        { "another source", { .kind = EVENT_SICK }, { .kind = EVENT_SICK, .source = EVENT_SOURCE_SURVEY }, false },
        { "another place", { .kind = EVENT_SICK, .location = "f:1" }, { .kind = EVENT_SICK, .location = "f:2" },
          false },
        { "the same place", { .kind = EVENT_SICK, .location = "f:1" }, { .kind = EVENT_SICK, .location = "f:1" },
          true },
        { "unrecognised, time differs", { UNKNOWN, .raw = { [8] = 1, [15] = 1, [16] = 5 } },
          { UNKNOWN, .raw = { [8] = 2, [15] = 2, [16] = 5 } }, true },
        { "unrecognised, begin differs", { UNKNOWN, .raw = { [7] = 1 } }, { UNKNOWN, .raw = { [7] = 2 } }, false },
        { "unrecognised, content differs", { UNKNOWN, .raw = { [16] = 1 } }, { UNKNOWN, .raw = { [16] = 2 } }, false },
        { "unrecognised, end differs", { UNKNOWN, .raw = { [63] = 1 } }, { UNKNOWN, .raw = { [63] = 2 } }, false },
        { "unrecognised type", { UNKNOWN }, { .kind = EVENT_UNRECOGNISED, .raw_type = 98, .raw_domain = 2 }, false },
};

static void test_may_merge(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(merge_cases); i++) {
                const MergeCase *row = merge_cases + i;

                print_message("%s\n", row->name);
                assert_int_equal(health_event_may_merge(&row->earlier, &row->later), row->may_merge);
                assert_int_equal(health_event_may_merge(&row->later, &row->earlier), row->may_merge);
        }
}

static void test_merge(_unused_ void **state) {
        static const struct {
                const char *name;
                uint64_t position, length, later_position, later_length;
                uint64_t merged_position, merged_length;
        } cases[] = {
                { "behind",       0,   10, 20, 5,          0,  25 },
                { "before",       20,  5,  0,  10,         0,  25 },
                { "inside",       0,   50, 10, 5,          0,  50 },
                { "around",       10,  5,  0,  50,         0,  50 },
                { "empty ranges", 100, 0,  200, 0,         100, 100 },
                { "to the end",   10,  5,  20, UINT64_MAX, 10, UINT64_MAX - 10 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HealthEvent earlier = {
                        WRITE, .id = 1, .count = 2, .time_realtime_nsec = 5, .received_boottime_usec = 6,
                        .position_bytes = cases[i].position, .length_bytes = cases[i].length,
                };
                HealthEvent later = {
                        WRITE, .id = 2, .count = 3, .time_realtime_nsec = 7, .received_boottime_usec = 8,
                        .position_bytes = cases[i].later_position, .length_bytes = cases[i].later_length,
                };

                print_message("%s\n", cases[i].name);
                health_event_merge(&earlier, &later);
                assert_true(earlier.position_bytes == cases[i].merged_position);
                assert_true(earlier.length_bytes == cases[i].merged_length);
                assert_int_equal(earlier.count, 5);
                /* When it began is what people look for. */
                assert_int_equal(earlier.id, 1);
                assert_int_equal(earlier.time_realtime_nsec, 5);
                assert_int_equal(earlier.received_boottime_usec, 6);

                earlier.count = UINT64_MAX - 1;
                health_event_merge(&earlier, &later);
                assert_true(earlier.count == UINT64_MAX);
        }
}

static void test_severity(_unused_ void **state) {
        for (size_t i = 0; i < N_EVENT_KINDS; i++) {
                HealthEvent event = { .kind = (EventKind) i };

                assert_int_equal(health_event_severity(&event), event_kind_severity((EventKind) i));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_read_target),
                cmocka_unit_test(test_record),
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_long_path),
                cmocka_unit_test(test_may_merge),
                cmocka_unit_test(test_merge),
                cmocka_unit_test(test_severity),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
