/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services with a mount namespace of their own have copies of all mounts in it; most of them follow the machine's, so
 * an unmount takes them along, and those are no reason to refuse anything.
 */
#include "src/worker/recycle-places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/model/workload.h"
#include "src/worker/proc-text.h"
#include "src/worker/user-mounts.h"

#define CGROUP_SIZE 4096
#define CGROUP_TEXT_LIMIT_BYTES ((size_t) 64 * 1024)

void recycle_places_clear(RecyclePlaces *places) {
        for (size_t i = 0; i < places->n_points; i++)
                free(places->points[i]);
        free(places->points);
        *places = (RecyclePlaces) {};
}

void table_of_mounts_clear(TableOfMounts *table) {
        for (size_t i = 0; i < table->n_items; i++) {
                free(table->items[i].root);
                free(table->items[i].point);
        }
        free(table->items);
        *table = (TableOfMounts) {};
}

/* Of "shared:12" the number. */
static unsigned peer_group(const char *word, const char *key) {
        uint64_t number;

        if (!text_starts_with(word, key) || number_parse_u64(word + strlen(key), 1, UINT_MAX, &number) < 0)
                return 0;
        return (unsigned) number;
}

/* The words that mount_line_parse() has no use for. In place, of a copy. */
static int parse_more(char *line, TableMount *mount) {
        char *rest = NULL, *dash = strstr(line, " - ");
        unsigned i = 0;

        if (!dash)
                return -EBADMSG;
        *dash = 0;
        for (const char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest), i++) {
                if (i == 1 && sscanf(word, "%d", &mount->parent_id) != 1)
                        return -EBADMSG;
                if (i == 3) {
                        mount->root = strdup(word);
                        if (!mount->root)
                                return -ENOMEM;
                        proc_unescape(mount->root);
                }
                if (i < 6)
                        continue;
                mount->shared = mount->shared ?: peer_group(word, "shared:");
                mount->master = mount->master ?: peer_group(word, "master:");
        }
        return mount->root ? 0 : -EBADMSG;
}

static bool has_option(const char *options, const char *option) {
        size_t length = strlen(option);

        for (const char *at = options; at && *at; at = strchr(at, ',')) {
                at += *at == ',';
                if (strncmp(at, option, length) == 0 && (at[length] == ',' || at[length] == 0))
                        return true;
        }
        return false;
}

static int table_add(TableOfMounts *table, char *text) {
        _cleanup_(free_at) char *copy = strdup(text);
        TableMount mount = {};
        MountLine line;
        int r;

        if (!copy)
                return -ENOMEM;
        r = parse_more(copy, &mount);
        if (r >= 0)
                r = mount_line_parse(text, &line);
        if (r >= 0) {
                mount.id = line.mount_id;
                mount.device_number = line.device_number;
                mount.has_no_recovery = has_option(line.options, "norecovery");
                mount.point = strdup(line.mount_point);
                r = mount.point ? 0 : -ENOMEM;
        }
        if (r >= 0 && table->n_items == table->n_allocated) {
                size_t n = table->n_allocated ? table->n_allocated * 2 : 64;
                TableMount *larger = reallocarray(table->items, n, sizeof(*larger));

                r = larger ? 0 : -ENOMEM;
                if (larger) {
                        table->items = larger;
                        table->n_allocated = n;
                }
        }
        if (r < 0) {
                free(mount.root);
                free(mount.point);
                return r == -ENOMEM ? r : 0;
        }
        table->items[table->n_items++] = mount;
        return 0;
}

int table_of_mounts_parse(char *mountinfo, TableOfMounts *ret_table) {
        TableOfMounts table = {};
        char *rest = NULL;
        int r = 0;

        for (char *line = strtok_r(mountinfo, "\n", &rest); line && r >= 0; line = strtok_r(NULL, "\n", &rest))
                r = table_add(&table, line);
        if (r < 0)
                table_of_mounts_clear(&table);
        *ret_table = table;
        return r;
}

static const TableMount *find_id(const TableOfMounts *table, int id) {
        for (size_t i = 0; i < table->n_items; i++)
                if (table->items[i].id == id)
                        return table->items + i;
        return NULL;
}

static int add_point(RecyclePlaces *places, const char *point) {
        char **grown = reallocarray(places->points, places->n_points + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        places->points = grown;
        grown[places->n_points] = strdup(point);
        if (!grown[places->n_points])
                return -ENOMEM;
        places->n_points++;
        return 0;
}

static bool has_point(const RecyclePlaces *places, const char *point) {
        for (size_t i = 0; i < places->n_points; i++)
                if (text_equal(places->points[i], point))
                        return true;
        return false;
}

static int add_mount(const TableOfMounts *own, const TableMount *mount, dev_t device_number, RecyclePlaces *places,
                     char *problem) {
        const TableMount *parent = find_id(own, mount->parent_id);

        if (mount->device_number != device_number) {
                if (!parent || parent->device_number != device_number)
                        return 0;
                (void) snprintf(problem, RECYCLE_PROBLEM_SIZE, "something else is mounted on it: %s", mount->point);
                return -EBUSY;
        }
        if (has_point(places, mount->point)) {
                (void) snprintf(problem, RECYCLE_PROBLEM_SIZE, "it is mounted twice on %s", mount->point);
                return -EBUSY;
        }
        if (mount->has_no_recovery) {
                (void) snprintf(problem, RECYCLE_PROBLEM_SIZE, "it is mounted with norecovery, and would be again");
                return -EOPNOTSUPP;
        }
        return add_point(places, mount->point);
}

int recycle_places_find(const TableOfMounts *own, dev_t device_number, RecyclePlaces *ret_places,
                        char *reterr_problem) {
        RecyclePlaces places = {};
        int r = 0;

        for (size_t i = 0; i < own->n_items && r >= 0; i++)
                r = add_mount(own, own->items + i, device_number, &places, reterr_problem);
        if (r >= 0 && places.n_points == 0) {
                (void) snprintf(reterr_problem, RECYCLE_PROBLEM_SIZE,
                                "it is mounted nowhere where the machine's own processes see it");
                r = -ENOENT;
        }
        if (r < 0) {
                recycle_places_clear(&places);
                return r;
        }
        *ret_places = places;
        return 0;
}

/* Where it hangs in the file system of its parent: "" and "/srv" for a mount on /srv of the root. */
static const char *below(const TableMount *parent, const TableMount *mount) {
        size_t length = text_equal(parent->point, "/") ? 0 : strlen(parent->point);

        return strncmp(mount->point, parent->point, length) == 0 ? mount->point + length : mount->point;
}

static bool is_same_spot(const TableMount *a_parent, const TableMount *a, const TableMount *b_parent,
                         const TableMount *b) {
        char one[2 * PATH_MAX], other[2 * PATH_MAX];

        (void) snprintf(one, sizeof(one), "%s%s", text_equal(a_parent->root, "/") ? "" : a_parent->root,
                        below(a_parent, a));
        (void) snprintf(other, sizeof(other), "%s%s", text_equal(b_parent->root, "/") ? "" : b_parent->root,
                        below(b_parent, b));
        return text_equal(one, other);
}

static bool follows(const TableOfMounts *own, const TableOfMounts *other, const TableMount *mount) {
        const TableMount *parent = find_id(other, mount->parent_id);

        for (size_t i = 0; parent && i < own->n_items; i++) {
                const TableMount *ours = own->items + i, *ours_parent = find_id(own, ours->parent_id);

                if (ours->device_number != mount->device_number || !ours_parent || ours_parent->shared == 0)
                        continue;
                if ((parent->shared == ours_parent->shared || parent->master == ours_parent->shared) &&
                    is_same_spot(ours_parent, ours, parent, mount))
                        return true;
        }
        return false;
}

const char *recycle_place_left(const TableOfMounts *own, const TableOfMounts *other, dev_t device_number) {
        for (size_t i = 0; i < other->n_items; i++)
                if (other->items[i].device_number == device_number && !follows(own, other, other->items + i))
                        return other->items[i].point;
        return NULL;
}

/* Namespaces that were looked at. */
typedef struct Seen {
        uint64_t number;
        bool is_left;                   /* it stays mounted there as long as somebody lives in it */
        char point[PATH_MAX];
} Seen;

typedef struct Search {
        dev_t device_number;
        TableOfMounts own;
        uint64_t own_number;
        Seen *seen;
        size_t n_seen;
        RecycleEnds ends;
        void *userdata;
        char *problem;
} Search;

/* Returns 0; or a negative errno, -ENOENT and -ESRCH among them if it has ended. */
static int namespace_of(const char *id, uint64_t *ret_number) {
        char path[96], link[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%.32s/ns/mnt", id);
        r = proc_link_read(path, link, sizeof(link));
        return r < 0 ? r : namespace_link_parse(link, ret_number);
}

static int read_table(const char *id, TableOfMounts *ret_table) {
        _cleanup_(free_at) char *text = NULL;
        char path[96];
        size_t length;
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%.32s/mountinfo", id);
        r = file_read(AT_FDCWD, path, USER_MOUNTINFO_LIMIT_BYTES, &text, &length);
        return r < 0 ? r : table_of_mounts_parse(text, ret_table);
}

static const Seen *find_seen(const Search *search, uint64_t number) {
        for (size_t i = 0; i < search->n_seen; i++)
                if (search->seen[i].number == number)
                        return search->seen + i;
        return NULL;
}

static int look_at_namespace(Search *search, const char *id, uint64_t number, const Seen **ret_seen) {
        _cleanup_(table_of_mounts_clear) TableOfMounts table = {};
        const char *left;
        Seen *grown;
        int r;

        r = search->n_seen < USER_NAMESPACES_MAX ? read_table(id, &table) : -E2BIG;
        if (r < 0)
                return r;
        grown = reallocarray(search->seen, search->n_seen + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        search->seen = grown;
        left = recycle_place_left(&search->own, &table, search->device_number);
        grown[search->n_seen] = (Seen) { .number = number, .is_left = left };
        (void) text_copy(grown[search->n_seen].point, sizeof(grown[search->n_seen].point), left ?: "");
        *ret_seen = grown + search->n_seen++;
        return 0;
}

static bool does_end(const Search *search, const char *id) {
        _cleanup_(free_at) char *text = NULL;
        char path[96], cgroup[CGROUP_SIZE];
        size_t length;

        (void) snprintf(path, sizeof(path), "/proc/%.32s/cgroup", id);
        if (file_read(AT_FDCWD, path, CGROUP_TEXT_LIMIT_BYTES, &text, &length) < 0 ||
            workload_pick_cgroup(text, cgroup, sizeof(cgroup)) < 0)
                return false;
        return search->ends(cgroup, search->userdata);
}

/* What has ended meanwhile keeps nothing. */
static int look_at_process(Search *search, const char *id) {
        const Seen *seen;
        uint64_t number;
        int r;

        r = namespace_of(id, &number);
        if (r < 0)
                return r == -ENOENT || r == -ESRCH ? 0 : r;
        if (number == search->own_number)
                return 0;
        seen = find_seen(search, number);
        r = seen ? 0 : look_at_namespace(search, id, number, &seen);
        if (r == -ENOENT || r == -ESRCH || r == -EINVAL)
                return 0;
        if (r < 0 || !seen->is_left || does_end(search, id))
                return r;

        (void) snprintf(search->problem, RECYCLE_PROBLEM_SIZE,
                        "process %.32s has it mounted on %.180s in a mount namespace of its own, where it would stay",
                        id, seen->point);
        return -EXDEV;
}

static int each_process(Search *search) {
        _cleanup_(closedir_at) DIR *processes = opendir("/proc");
        const struct dirent *entry;
        int r = 0;

        if (!processes)
                return -errno;
        while (r >= 0 && (entry = readdir(processes))) {
                uint64_t pid;

                if (number_parse_u64(entry->d_name, 1, INT32_MAX, &pid) >= 0)
                        r = look_at_process(search, entry->d_name);
        }
        return r;
}

int recycle_places_read(dev_t device_number, RecycleEnds ends, void *userdata, RecyclePlaces *ret_places,
                        char *reterr_problem) {
        Search search = {
                .device_number = device_number,
                .ends = ends,
                .userdata = userdata,
                .problem = reterr_problem,
        };
        RecyclePlaces places = {};
        int r;

        (void) snprintf(reterr_problem, RECYCLE_PROBLEM_SIZE, "the mounts of all namespaces cannot be read");
        r = namespace_of("self", &search.own_number);
        if (r >= 0)
                r = read_table("self", &search.own);
        if (r >= 0)
                r = recycle_places_find(&search.own, device_number, &places, reterr_problem);
        if (r >= 0)
                r = each_process(&search);
        table_of_mounts_clear(&search.own);
        free(search.seen);
        if (r < 0) {
                recycle_places_clear(&places);
                return r;
        }
        *ret_places = places;
        return 0;
}

int recycle_places_any(dev_t device_number) {
        _cleanup_(user_mounts_clear) UserMounts mounts = {};
        int r;

        r = user_mounts_read(device_number, &mounts);
        return r < 0 ? r : mounts.n_mount_ids > 0;
}
