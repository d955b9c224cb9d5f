/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-test-event.h. The keys of an event are those of the signal's brief.
 */
#include "src/bus/bus-test-event.h"

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-options.h"

typedef struct Wish {
        const char *kind, *filesystem, *domain, *structure, *error;
        uint32_t group, generation, shutdown_reasons;
        uint64_t inode, count, position_bytes, length_bytes, device_block, device_block_count;
        bool has_group, has_inode;
        HealthEvent event;
} Wish;

static int read_wish(sd_bus_message *message, Wish *wish, sd_bus_error *error) {
        const BusOption known[] = {
                { "kind",               's', &wish->kind,               NULL },
                { "filesystem",         's', &wish->filesystem,         NULL },
                { "domain",             's', &wish->domain,             NULL },
                { "structure",          's', &wish->structure,          NULL },
                { "group",              'u', &wish->group,              &wish->has_group },
                { "inode",              't', &wish->inode,              &wish->has_inode },
                { "generation",         'u', &wish->generation,         NULL },
                { "errno",              's', &wish->error,              NULL },
                { "shutdown-reasons",   'u', &wish->shutdown_reasons,   NULL },
                { "position-bytes",     't', &wish->position_bytes,     NULL },
                { "length-bytes",       't', &wish->length_bytes,       NULL },
                { "device-block",       't', &wish->device_block,       NULL },
                { "device-block-count", 't', &wish->device_block_count, NULL },
                { "count",              't', &wish->count,              NULL },
        };
        int r;

        r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r >= 0)
                r = bus_options_read(message, NULL, 0, error);
        return r;
}

/* Whether a structure of this domain is what the number tells: one of a group, of a file, or of neither. */
static bool fits_numbers(const Wish *wish, EventDomain domain) {
        return wish->has_inode == (domain == DOMAIN_INODE) &&
               (!wish->has_group || domain == DOMAIN_AG || domain == DOMAIN_RTGROUP);
}

/* The word alone tells its domain, unless several have it. */
static int settle_structure(Wish *wish, sd_bus_error *error) {
        EventDomain wanted = DOMAIN_UNRECOGNISED;
        unsigned n_found = 0;

        if (wish->domain && event_domain_from_name(wish->domain, &wanted) < 0)
                return bus_error_set(error, -EINVAL, "There is no domain \"%s\"", wish->domain);
        for (EventDomain domain = DOMAIN_UNRECOGNISED + 1; domain < N_EVENT_DOMAINS; domain++) {
                Structure structure;

                if ((wish->domain ? domain != wanted : !fits_numbers(wish, domain)) ||
                    structure_from_name(domain, wish->structure, &structure) < 0 ||
                    structure_domain(structure) != domain)
                        continue;
                wish->event.structure = structure;
                wish->event.domain = domain;
                n_found++;
        }
        if (n_found == 1)
                return 0;
        if (n_found > 1)
                return bus_error_set(error, -EINVAL, "\"%s\" exists in several domains: say which", wish->structure);
        if (structure_name_exists(wish->structure))
                return bus_error_set(error, -EINVAL, "Group, inode and domain are not those of a structure \"%s\"",
                                     wish->structure);
        return bus_error_set(error, -EINVAL, "There is no structure \"%s\"", wish->structure);
}

/* What an event of each kind is about, where that is no structure. */
static int settle_place(Wish *wish, sd_bus_error *error) {
        static const struct {
                EventKind kind;
                EventDomain domain;
                bool needs_inode;
        } places[] = {
                { EVENT_SHUTDOWN,         DOMAIN_MOUNT,     false },
                { EVENT_MEDIA_ERROR,      DOMAIN_DATADEV,   false },
                { EVENT_READ_ERROR,       DOMAIN_FILERANGE, true },
                { EVENT_WRITE_ERROR,      DOMAIN_FILERANGE, true },
                { EVENT_DATA_LOST,        DOMAIN_FILERANGE, true },
                { EVENT_FILESYSTEM_ERROR, DOMAIN_MOUNT,     false },
        };

        if (wish->structure)
                return settle_structure(wish, error);
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                if (places[i].kind != wish->event.kind)
                        continue;
                if (places[i].needs_inode && !wish->has_inode)
                        return bus_error_set(error, -EINVAL, "An event %s needs an inode", wish->kind);
                wish->event.domain = wish->event.kind == EVENT_FILESYSTEM_ERROR && wish->has_inode ? DOMAIN_INODE
                                                                                                   : places[i].domain;
                return 0;
        }
        return bus_error_set(error, -EINVAL, "An event %s needs a structure", wish->kind);
}

static int settle(Wish *wish, sd_bus_error *error) {
        bool is_of_structure;

        if (!wish->kind || !wish->filesystem)
                return bus_error_set(error, -EINVAL, "An event needs a kind and a filesystem");
        if (event_kind_from_name(wish->kind, &wish->event.kind) < 0 || !engine_may_inject(wish->event.kind))
                return bus_error_set(error, -EINVAL, "There is no event \"%s\" that can be tried out", wish->kind);
        is_of_structure = wish->event.kind == EVENT_SICK || wish->event.kind == EVENT_CORRUPT;
        if (wish->structure && !is_of_structure)
                return bus_error_set(error, -EINVAL, "An event %s is not about a structure", wish->kind);
        if (wish->error && errno_from_name(wish->error, &wish->event.error) < 0)
                return bus_error_set(error, -EINVAL, "There is no errno \"%s\"", wish->error);
        wish->event.group = wish->group;
        wish->event.inode = wish->inode;
        wish->event.generation = wish->generation;
        wish->event.shutdown_reasons = wish->shutdown_reasons;
        wish->event.position_bytes = wish->position_bytes;
        wish->event.length_bytes = wish->length_bytes;
        wish->event.device_block = wish->device_block;
        wish->event.device_block_count = wish->device_block_count;
        wish->event.count = wish->count;
        return settle_place(wish, error);
}

static int find_filesystem(BusContext *context, const char *name, Filesystem **ret_filesystem, sd_bus_error *error) {
        int r = filesystem_table_find_name(engine_filesystems(context->engine), name, ret_filesystem);

        if (r == -ENOTUNIQ)
                return bus_error_set(error, r, "Several file systems have the UUID %s, name a mount point or device",
                                     name);
        if (r < 0)
                return bus_error_set(error, r, "There is no file system called %s: name a mount point, a device or a "
                                               "UUID", name);
        return 0;
}

int bus_test_event_on_inject(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        Filesystem *filesystem;
        Wish wish = {};
        uint32_t uid;
        uint64_t id;
        int r;

        r = read_wish(message, &wish, error);
        if (r >= 0)
                r = settle(&wish, error);
        if (r >= 0)
                r = find_filesystem(context, wish.filesystem, &filesystem, error);
        if (r < 0)
                return r;
        const BusDetail details[] = { { "kind", wish.kind } };
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = filesystem,
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        wish.event.filesystem_id = filesystem->id;
        r = engine_inject_test_event(context->engine, &wish.event, &id);
        if (r == -EBUSY)
                return bus_error_set(error, r, "More than %d test events within a minute: wait",
                                     ENGINE_TEST_EVENTS_MAX);
        if (r < 0)
                return bus_error_set(error, r, "The event cannot be taken in: %s", strerror(-r));
        return sd_bus_reply_method_return(message, "t", id);
}
