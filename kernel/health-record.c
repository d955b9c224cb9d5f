/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns a record of the monitor into events: which types exist in which domains, and where their values stand.
 */
#include "kernel/health-record.h"

#include <string.h>

#include "kernel/metadata-structures.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

_Static_assert(sizeof(struct abi_xfs_health_monitor_event) == HEALTH_RECORD_SIZE, "size of a record");

typedef struct abi_xfs_health_monitor_event Record;

static const EventDomain domains[] = {
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT] = DOMAIN_MOUNT,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_FS] = DOMAIN_FS,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_AG] = DOMAIN_AG,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_INODE] = DOMAIN_INODE,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_RTGROUP] = DOMAIN_RTGROUP,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_DATADEV] = DOMAIN_DATADEV,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_RTDEV] = DOMAIN_RTDEV,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_LOGDEV] = DOMAIN_LOGDEV,
        [ABI_XFS_HEALTH_MONITOR_DOMAIN_FILERANGE] = DOMAIN_FILERANGE,
};

#define IN(domain) (1U << (domain))
#define IN_METADATA (IN(DOMAIN_FS) | IN(DOMAIN_AG) | IN(DOMAIN_RTGROUP) | IN(DOMAIN_INODE))
#define IN_DEVICES (IN(DOMAIN_DATADEV) | IN(DOMAIN_LOGDEV) | IN(DOMAIN_RTDEV))

#define TYPE(name) [ABI_XFS_HEALTH_MONITOR_TYPE_##name]

static const struct {
        EventKind kind;
        unsigned valid_in;
        IoPath io_path;
} types[] = {
        TYPE(RUNNING)        = { EVENT_WATCHING,     IN(DOMAIN_MOUNT),     IO_PATH_NONE },
        TYPE(LOST)           = { EVENT_EVENTS_LOST,  IN(DOMAIN_MOUNT),     IO_PATH_NONE },
        TYPE(UNMOUNT)        = { EVENT_UNMOUNTED,    IN(DOMAIN_MOUNT),     IO_PATH_NONE },
        TYPE(SICK)           = { EVENT_SICK,         IN_METADATA,          IO_PATH_NONE },
        TYPE(CORRUPT)        = { EVENT_CORRUPT,      IN_METADATA,          IO_PATH_NONE },
        TYPE(HEALTHY)        = { EVENT_HEALTHY,      IN_METADATA,          IO_PATH_NONE },
        TYPE(SHUTDOWN)       = { EVENT_SHUTDOWN,     IN(DOMAIN_MOUNT),     IO_PATH_NONE },
        TYPE(MEDIA_ERROR)    = { EVENT_MEDIA_ERROR,  IN_DEVICES,           IO_PATH_NONE },
        TYPE(BUFREAD)        = { EVENT_READ_ERROR,   IN(DOMAIN_FILERANGE), IO_PATH_BUFFERED },
        TYPE(BUFWRITE)       = { EVENT_WRITE_ERROR,  IN(DOMAIN_FILERANGE), IO_PATH_BUFFERED },
        TYPE(DIOREAD)        = { EVENT_READ_ERROR,   IN(DOMAIN_FILERANGE), IO_PATH_DIRECT },
        TYPE(DIOWRITE)       = { EVENT_WRITE_ERROR,  IN(DOMAIN_FILERANGE), IO_PATH_DIRECT },
        TYPE(DATALOST)       = { EVENT_DATA_LOST,    IN(DOMAIN_FILERANGE), IO_PATH_MEDIA },
};

/* What the record says apart from its mask. Returns the mask, 0 where there is none. */
static uint32_t decode_target(const Record *record, HealthEvent *event) {
        switch (event->domain) {
        case DOMAIN_FS:
                return record->e.fs.mask;

        case DOMAIN_AG:
        case DOMAIN_RTGROUP:
                event->group = record->e.group.gno;
                return record->e.group.mask;

        case DOMAIN_INODE:
                event->inode = record->e.inode.ino;
                event->generation = record->e.inode.gen;
                return record->e.inode.mask;

        case DOMAIN_DATADEV:
        case DOMAIN_LOGDEV:
        case DOMAIN_RTDEV:
                event->device_block = record->e.media.daddr;
                event->device_block_count = record->e.media.bbcount;
                return 0;

        case DOMAIN_FILERANGE:
                event->inode = record->e.filerange.ino;
                event->generation = record->e.filerange.gen;
                event->position_bytes = record->e.filerange.pos;
                event->length_bytes = record->e.filerange.len;
                /* An errno beyond int is none; the raw record keeps what it was. */
                event->error = record->e.filerange.error <= INT32_MAX ? (int) record->e.filerange.error : 0;
                return 0;

        case DOMAIN_MOUNT:
                if (event->kind == EVENT_EVENTS_LOST && record->e.lost.count > 0)
                        event->count = record->e.lost.count;
                if (event->kind == EVENT_SHUTDOWN)
                        event->shutdown_reasons = record->e.shutdown.reasons;
                return 0;

        case DOMAIN_UNRECOGNISED:
                return 0;
        }

        return 0;
}

/* One event for each known bit, one for all others together. Returns how many, 0 for an empty mask. */
static size_t split_mask(const HealthEvent *event, uint32_t mask, HealthEvent *ret_events) {
        const MetadataStructure *structures;
        size_t n_structures, n_events = 0;

        structures = metadata_structures(&n_structures);
        for (size_t i = 0; i < n_structures; i++) {
                if (structures[i].domain != event->domain || !(mask & structures[i].bit))
                        continue;

                ret_events[n_events] = *event;
                ret_events[n_events++].structure = structures[i].structure;
                mask &= ~structures[i].bit;
        }

        if (mask != 0) {
                ret_events[n_events] = *event;
                ret_events[n_events].structure = STRUCTURE_UNRECOGNISED;
                ret_events[n_events++].unknown_bits = mask;
        }

        return n_events;
}

size_t health_record_decode(const uint8_t bytes[static HEALTH_RECORD_SIZE],
                            HealthEvent ret_events[static HEALTH_RECORD_EVENTS_MAX]) {
        HealthEvent event = { .kind = EVENT_UNRECOGNISED, .count = 1 };
        EventDomain domain = DOMAIN_UNRECOGNISED;
        size_t n_events;
        uint32_t mask;
        Record record;

        /* The bytes need not be aligned. */
        memcpy(&record, bytes, sizeof(record));
        memcpy(event.raw, bytes, sizeof(event.raw));
        event.raw_domain = record.domain;
        event.raw_type = record.type;
        event.time_realtime_nsec = record.time_ns;

        if (record.domain < ELEMENTSOF(domains))
                domain = domains[record.domain];
        event.domain = domain;

        if (record.type >= ELEMENTSOF(types) || !(types[record.type].valid_in & IN(domain))) {
                /* Where its values stand is not known either. */
                ret_events[0] = event;
                return 1;
        }

        event.kind = types[record.type].kind;
        event.io_path = types[record.type].io_path;
        mask = decode_target(&record, &event);
        n_events = split_mask(&event, mask, ret_events);
        if (n_events > 0)
                return n_events;

        ret_events[0] = event;
        return 1;
}
