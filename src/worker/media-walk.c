/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step is one call of the kernel: what to read next, a large read, a small one within a part that failed.
 */

#include "src/worker/media-walk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/worker/survey-slice.h"

#define PIECE (MEDIA_IO_MAX_BYTES / MEDIA_UNIT_BYTES)
#define SMALL_PIECE (MEDIA_REPORT_MAX_BYTES / MEDIA_UNIT_BYTES)
#define PAUSES_IN_A_SECOND 20
/* Owners of one bad part; where more share it, the kernel tells of all. */
#define OWNERS_MAX 64
/* ioprio_set(2): this process; only when nobody else wants the disk, or as everybody. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE (3 << 13)
#define IOPRIO_USUAL 0

/* A range in which something cannot be read. */
typedef struct Narrow {
        uint64_t next, end;             /* what is still to be read of it; equal: there is none */
        uint64_t fine_until;            /* up to here in grains */
        uint64_t bad_start, bad_end;    /* cannot be read, and is not told yet; equal: nothing */
} Narrow;

typedef struct Media {
        const SurveyTask *task;
        int report_fd;
        uint64_t end_usec, reported_usec;
        bool is_known;                  /* what follows */
        XfsSurveyGeometry geometry;
        uint64_t starts[N_MEDIA_DEVICES], ends[N_MEDIA_DEVICES];        /* equal: there is no such device */
        uint64_t grain;
        uint64_t quantum;               /* read no more than this before the next pause */
        bool has_map, is_map_followed;
        SpaceMap map;

        SpaceRange used[SPACE_MAP_MAX];
        int n_used, at_used;
        uint64_t mapped_until;          /* of the data device */
        Narrow narrow;
        WorkerMessage message;
} Media;

static MediaCounts *counts_of(Media *media) {
        return &media->message.survey_result.media;
}

static MediaPosition *position_of(Media *media) {
        return &counts_of(media)->position;
}

static int report(Media *media) {
        WorkerSurveyResult *result = &media->message.survey_result;
        int r;

        media->reported_usec = clock_monotonic_usec();
        r = child_report(media->report_fd, &media->message, media->message.header.size_bytes, -EBADF);
        memset(result->findings, 0, sizeof(result->findings));
        result->n_findings = 0;
        return r;
}

static MediaDevice device_of(const MediaPosition *position) {
        static const MediaDevice devices[] = {
                [MEDIA_STAGE_DATA] = MEDIA_DEVICE_DATA,
                [MEDIA_STAGE_LOG] = MEDIA_DEVICE_LOG,
                [MEDIA_STAGE_REALTIME] = MEDIA_DEVICE_REALTIME,
        };

        return position->stage < ELEMENTSOF(devices) ? devices[position->stage] : MEDIA_DEVICE_DATA;
}

/* Of what is used the file system knows how much, and that suffices to tell how long it will take. */
static void estimate(Media *media, int root_fd) {
        const MediaPosition *position = position_of(media);
        uint64_t left = 0;
        struct statfs status;

        for (uint32_t stage = position->stage; stage < MEDIA_STAGE_DONE; stage++) {
                const MediaPosition at = { .stage = stage };
                MediaDevice device = device_of(&at);
                uint64_t start = media->starts[device], end = media->ends[device], total = end - start, share = total;

                if (device == MEDIA_DEVICE_DATA && media->is_map_followed && fstatfs(root_fd, &status) >= 0 &&
                    status.f_bfree < status.f_blocks)
                        share = min_of(total, (uint64_t) (status.f_blocks - status.f_bfree) *
                                              (uint64_t) status.f_bsize / MEDIA_UNIT_BYTES);
                if (stage == position->stage && position->next > start && total > 0)
                        share = (uint64_t) ((double) share * (double) (end - min_of(end, position->next)) /
                                            (double) total);
                left += share;
        }
        counts_of(media)->n_bytes_left = left * MEDIA_UNIT_BYTES;
}

/* So much that a pause is short beside a turn. */
static uint64_t quantum_of(uint64_t rate_bytes, uint64_t grain) {
        uint64_t quantum = rate_bytes / PAUSES_IN_A_SECOND / MEDIA_UNIT_BYTES / grain * grain;

        return rate_bytes == 0 ? UINT64_MAX : max_of(quantum, grain);
}

static int learn(Media *media, int root_fd) {
        int r;

        r = xfs_survey_geometry(root_fd, &media->geometry);
        for (unsigned i = 0; r >= 0 && i < N_MEDIA_DEVICES; i++) {
                r = media_limits(root_fd, (MediaDevice) i, media->starts + i, media->ends + i);
                if (r == -ENODEV && i != MEDIA_DEVICE_DATA)
                        r = 0;
        }
        if (r < 0)
                return r;
        media->grain = max_of((uint64_t) MEDIA_GRAIN_BYTES, (uint64_t) media->geometry.sector_bytes) / MEDIA_UNIT_BYTES;
        media->quantum = quantum_of(media->task->request.rate_bytes, media->grain);
        media->has_map = space_map_data(root_fd, media->task->superblock->device_number, &media->map) >= 0;
        media->is_map_followed = media->has_map && !media->task->request.is_all;
        media->is_known = true;
        estimate(media, root_fd);
        return 0;
}

static uint64_t piece_of(const Media *media) {
        return min_of((uint64_t) PIECE, media->quantum);
}

static void advance(Media *media, uint64_t next) {
        MediaPosition *position = position_of(media);
        MediaCounts *counts = counts_of(media);
        uint64_t n_bytes = (next - position->next) * MEDIA_UNIT_BYTES;

        counts->n_bytes += n_bytes;
        counts->n_bytes_left -= min_of(counts->n_bytes_left, n_bytes);
        position->next = next;
}

/* The next part that is used. Returns 1; 0: there is none any more, or none known yet (@ret_again); or a negative
 * errno. */
static int next_used(Media *media, uint64_t end, SpaceRange *ret_piece, bool *ret_again) {
        uint64_t from;
        MediaPosition *position = position_of(media);
        int r;

        *ret_again = false;
        for (; media->at_used < media->n_used; media->at_used++) {
                const SpaceRange *range = media->used + media->at_used;

                if (range->end <= position->next)
                        continue;
                /* What lies between is free: nobody reads it. */
                position->next = max_of(position->next, range->start);
                *ret_piece = (SpaceRange) { position->next, min_of(position->next + piece_of(media), range->end) };
                return 1;
        }

        from = max_of(position->next, media->mapped_until);
        if (from >= end)
                return 0;
        r = space_map_used(&media->map, from, end, media->used, &media->mapped_until);
        if (r < 0) {
                /* The trees that say it are damaged, which the kernel tells by itself: here everything is read. */
                media->used[0].start = from;
                media->used[0].end = min_of(from + media->geometry.group_bytes / MEDIA_UNIT_BYTES, end);
                media->mapped_until = media->used[0].end;
                r = 1;
        }
        media->n_used = r;
        media->at_used = 0;
        *ret_again = true;
        return 0;
}

/* As next_used(). */
static int next_piece(Media *media, SpaceRange *ret_piece, bool *ret_again) {
        MediaPosition *position = position_of(media);
        MediaDevice device = device_of(position);

        *ret_again = false;
        position->next = max_of(position->next, media->starts[device]);
        if (position->next >= media->ends[device])
                return 0;
        if (device == MEDIA_DEVICE_DATA && media->is_map_followed)
                return next_used(media, media->ends[device], ret_piece, ret_again);
        ret_piece->start = position->next;
        ret_piece->end = min_of(position->next + piece_of(media), media->ends[device]);
        return 1;
}

/* What can be rebuilt elsewhere, and what does it. Contents of files are told by the kernel, and what is a directory or
 * a symbolic link is found by healerd; headers, records of inodes and the log stay where they are. */
static const struct {
        SpaceOwner owner;
        Structure structure;
} rebuilt[] = {
        { SPACE_SPACE_BTREES, STRUCTURE_AG_RMAPBT },
        { SPACE_SPACE_BTREES, STRUCTURE_AG_BNOBT },     /* and the same by size with it */
        { SPACE_INODE_BTREES, STRUCTURE_AG_INOBT },     /* and that of free inodes with it */
        { SPACE_REFCOUNT_BTREE, STRUCTURE_AG_REFCOUNTBT },
        { SPACE_FILE_MAP, STRUCTURE_INODE_DATAFORK },
        { SPACE_ATTRIBUTE_MAP, STRUCTURE_INODE_ATTRFORK },
        { SPACE_ATTRIBUTES, STRUCTURE_INODE_XATTR },
};

static bool is_told(const WorkerSurveyResult *result, const SickFinding *finding) {
        for (size_t i = 0; i < result->n_findings; i++)
                if (memcmp(result->findings + i, finding, sizeof(*finding)) == 0)
                        return true;
        return false;
}

static int find(Media *media, int root_fd, const SpaceExtent *extent) {
        WorkerSurveyResult *result = &media->message.survey_result;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(rebuilt) && r >= 0; i++) {
                SickFinding finding = { .structure = rebuilt[i].structure, .is_unreadable = true };

                if (rebuilt[i].owner != extent->owner)
                        continue;
                finding.domain = structure_domain(rebuilt[i].structure);
                if (finding.domain == DOMAIN_INODE) {
                        finding.inode = extent->inode;
                        /* It may be gone by now. */
                        if (filesystem_inode_generation(root_fd, extent->inode, &finding.generation) < 0)
                                continue;
                } else
                        finding.group = (uint32_t) (extent->start * MEDIA_UNIT_BYTES / media->geometry.group_bytes);
                if (is_told(result, &finding))
                        continue;
                result->findings[result->n_findings++] = finding;
                if (result->n_findings == SURVEY_FINDINGS_MAX)
                        r = report(media);
        }
        return r;
}

static void log_bad(const Media *media, MediaDevice device, const SpaceExtent *bad) {
        static const char *const words[] = {
                [MEDIA_DEVICE_DATA] = "datadev",
                [MEDIA_DEVICE_LOG] = "logdev",
                [MEDIA_DEVICE_REALTIME] = "rtdev",
        };

        log_notice("%s: %s daddr 0x%" PRIx64 " bbcount 0x%" PRIx64 " cannot be read: %s",
                   media->task->superblock->facts.device, words[device], bad->start, bad->end - bad->start,
                   space_owner_to_text(bad->owner));
}

/* Whose is it? Everybody whose it is counts once. */
static int find_owners(Media *media, int root_fd, MediaDevice device, SpaceRange bad) {
        MediaCounts *counts = counts_of(media);
        SpaceExtent extents[OWNERS_MAX];
        bool is_counted[N_SPACE_OWNERS] = {};
        int n = -EOPNOTSUPP, r = 0;

        if (device == MEDIA_DEVICE_DATA && media->has_map)
                n = space_map_read(&media->map, bad.start, bad.end, extents, OWNERS_MAX);
        if (n <= 0) {
                extents[0] = (SpaceExtent) { bad.start, bad.end, SPACE_UNKNOWN, 0 };
                if (device == MEDIA_DEVICE_LOG)
                        extents[0].owner = SPACE_LOG;
                n = 1;
        }
        for (int i = 0; i < n && r >= 0; i++) {
                extents[i].start = max_of(extents[i].start, bad.start);
                extents[i].end = min_of(extents[i].end, bad.end);
                if (!is_counted[extents[i].owner])
                        log_bad(media, device, extents + i);
                counts->n_bad_of[extents[i].owner] += !is_counted[extents[i].owner];
                is_counted[extents[i].owner] = true;
                r = find(media, root_fd, extents + i);
        }
        return r;
}

/* What was found bad so far is told, exactly. */
static int tell_bad(Media *media, int root_fd) {
        Narrow *narrow = &media->narrow;
        SpaceRange bad = { narrow->bad_start, narrow->bad_end };
        MediaDevice device = device_of(position_of(media));
        int r;

        if (bad.start == bad.end)
                return 0;
        narrow->bad_start = narrow->bad_end = 0;
        r = media_report(root_fd, device, bad.start, bad.end);
        /* It could be read this time. */
        if (r <= 0)
                return r;
        counts_of(media)->n_bad++;
        counts_of(media)->n_bad_bytes += (bad.end - bad.start) * MEDIA_UNIT_BYTES;
        return find_owners(media, root_fd, device, bad);
}

static void add_bad(Narrow *narrow, uint64_t start, uint64_t end) {
        if (narrow->bad_start == narrow->bad_end)
                narrow->bad_start = start;
        narrow->bad_end = end;
}

/* Behind everybody else, for as long as nothing of the file system is held: where the map is read, or the kernel looks
 * for owners, whoever needs one of the buffers would wait for as long as we are kept waiting. Where the disk's
 * scheduler knows no priorities it does no harm. */
static int read_idly(MediaDevice device, int root_fd, SpaceRange range, uint32_t io_bytes, uint64_t *ret_good_until) {
        int r;

        (void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
        r = media_read(root_fd, device, range.start, range.end, io_bytes, ret_good_until);
        (void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_USUAL);
        return r;
}

/* One small read. As long as something bad is not told, the position stays before it. */
static int narrow_step(Media *media, int root_fd) {
        Narrow *narrow = &media->narrow;
        bool is_fine = narrow->next < narrow->fine_until;
        uint64_t start = narrow->next, good_until, n_bad;
        uint64_t end = is_fine ? min_of(start + media->grain, narrow->fine_until)
                               : min_of(start + SMALL_PIECE, narrow->end);
        int r;

        r = read_idly(device_of(position_of(media)), root_fd, (SpaceRange) { start, end },
                      (uint32_t) ((end - start) * MEDIA_UNIT_BYTES), &good_until);
        if (r < 0 || (r > 0 && !media_error_is_loss(r)))
                return r < 0 ? r : -r;
        if (r > 0 && !is_fine && end - start > media->grain) {
                narrow->fine_until = end;
                return 0;
        }

        narrow->next = end;
        if (r > 0) {
                add_bad(narrow, start, end);
                if (end < narrow->end && narrow->bad_end - narrow->bad_start < SMALL_PIECE &&
                    clock_monotonic_usec() < media->end_usec)
                        return 0;
        }
        n_bad = counts_of(media)->n_bad;
        r = tell_bad(media, root_fd);
        if (r < 0)
                return r;
        advance(media, narrow->next);
        /* Who ends us now must not find it a second time. */
        return counts_of(media)->n_bad > n_bad ? report(media) : 0;
}

static int step(Media *media, int root_fd) {
        MediaPosition *position = position_of(media);
        uint64_t good_until;
        SpaceRange piece;
        bool again;
        int r;

        if (media->narrow.next < media->narrow.end)
                return narrow_step(media, root_fd);

        r = next_piece(media, &piece, &again);
        if (r < 0 || again)
                return r;
        if (r == 0) {
                *position = (MediaPosition) { .stage = position->stage + 1 };
                return 0;
        }
        r = read_idly(device_of(position), root_fd, piece, 0, &good_until);
        if (r < 0 || (r > 0 && !media_error_is_loss(r)))
                return r < 0 ? r : -r;
        advance(media, good_until);
        if (r > 0)
                media->narrow = (Narrow) { .next = good_until, .end = piece.end };
        return 0;
}

static int slice(Media *media, int root_fd) {
        uint64_t end_usec = clock_monotonic_usec() + SURVEY_SLICE_USEC, n_before = counts_of(media)->n_bytes;
        int r = 0;

        if (!media->is_known)
                r = learn(media, root_fd);
        media->map.fd = root_fd;
        while (r >= 0 && position_of(media)->stage < MEDIA_STAGE_DONE && clock_monotonic_usec() < end_usec &&
               (counts_of(media)->n_bytes - n_before) / MEDIA_UNIT_BYTES < media->quantum)
                r = step(media, root_fd);
        return r;
}

/* So long that what was read in this slice is not more than is allowed. Returns false if that would take longer than
 * the turn: it is over. */
static bool rest(const Media *media, uint64_t n_bytes, uint64_t began_usec) {
        uint64_t rate = media->task->request.rate_bytes, now_usec = clock_monotonic_usec();
        uint64_t until_usec = rate == 0 ? now_usec
                                        : began_usec + (uint64_t) ((double) n_bytes * USEC_PER_SEC / (double) rate);

        /* The debt of a slice that was too large for the rest of the turn is forgotten with it: it is small. */
        if (max_of(until_usec, now_usec) >= media->end_usec)
                return false;
        if (until_usec > now_usec)
                survey_sleep(until_usec - now_usec);
        return true;
}

/* Returns 0 at the end of the turn, or a negative errno. */
static int walk(Media *media) {
        bool may_go_on = true;

        while (may_go_on && position_of(media)->stage < MEDIA_STAGE_DONE) {
                uint64_t began_usec = clock_monotonic_usec(), n_before = counts_of(media)->n_bytes;
                int r, root_fd;

                root_fd = survey_slice_open(media->task);
                if (root_fd < 0)
                        return root_fd;
                r = slice(media, root_fd);
                close_fd(root_fd);
                media->message.survey_result.busy_usec += clock_monotonic_usec() - began_usec;
                if (r < 0)
                        return r;
                if (clock_monotonic_usec() >= media->reported_usec + MEDIA_REPORT_USEC) {
                        r = report(media);
                        if (r < 0)
                                return r;
                }
                may_go_on = rest(media, counts_of(media)->n_bytes - n_before, began_usec);
        }
        return 0;
}

int media_walk_in_child(int report_fd, const SurveyTask *task) {
        uint64_t now_usec = clock_monotonic_usec();
        Media media = {
                .task = task,
                .report_fd = report_fd,
                .end_usec = now_usec + MEDIA_TURN_USEC,
                .reported_usec = now_usec,
        };
        WorkerSurveyResult *result = &media.message.survey_result;

        worker_message_init(&media.message, WORKER_SURVEY_RESULT);
        result->request_id = task->request.request_id;
        result->device_number = task->request.device_number;
        result->media.position = task->request.media;
        result->error = -walk(&media);
        result->is_last = true;
        return report(&media) < 0;
}
