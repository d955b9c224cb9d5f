/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All file systems the daemon knows, in order of arrival. They are counted in tens to hundreds, so the
 * look-ups walk a list.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/sysmacros.h>

#include "src/basic/text.h"
#include "src/filesystem/filesystem.h"

typedef struct Entry {
        TAILQ_ENTRY(Entry) entries;
        Filesystem filesystem;
} Entry;

struct FilesystemTable {
        TAILQ_HEAD(, Entry) entries;
        size_t n_entries;
        uint64_t last_id;
};

static Entry *entry_of(const Filesystem *filesystem) {
        return container_of(filesystem, Entry, filesystem);
}

FilesystemTable *filesystem_table_new(void) {
        FilesystemTable *table = calloc(1, sizeof(*table));

        if (table)
                TAILQ_INIT(&table->entries);
        return table;
}

FilesystemTable *filesystem_table_free(FilesystemTable *table) {
        Entry *entry;

        if (!table)
                return NULL;
        while ((entry = TAILQ_FIRST(&table->entries)))
                filesystem_table_remove(table, &entry->filesystem);
        free(table);
        return NULL;
}

int filesystem_table_add(FilesystemTable *table, dev_t device_number, Filesystem **ret_filesystem) {
        Entry *entry;

        if (filesystem_table_find_device(table, device_number))
                return -EEXIST;

        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;

        entry->filesystem = (Filesystem) {
                .id = ++table->last_id,
                .facts.device_number = device_number,
                .monitor_fd = -EBADF,
        };
        TAILQ_INSERT_TAIL(&table->entries, entry, entries);
        table->n_entries++;
        *ret_filesystem = &entry->filesystem;
        return 0;
}

void filesystem_table_remove(FilesystemTable *table, Filesystem *filesystem) {
        Entry *entry = entry_of(filesystem);

        TAILQ_REMOVE(&table->entries, entry, entries);
        table->n_entries--;

        filesystem_facts_clear(&filesystem->facts);
        for (size_t i = 0; i < filesystem->n_mounts; i++)
                free(filesystem->mounts[i].mount_point);
        free(filesystem->mounts);
        condition_list_clear(&filesystem->conditions);
        close_fd(filesystem->monitor_fd);
        free(entry);
}

Filesystem *filesystem_table_next(FilesystemTable *table, const Filesystem *previous) {
        Entry *entry = previous ? TAILQ_NEXT(entry_of(previous), entries) : TAILQ_FIRST(&table->entries);

        return entry ? &entry->filesystem : NULL;
}

size_t filesystem_table_count(FilesystemTable *table) {
        return table->n_entries;
}

Filesystem *filesystem_table_find_id(FilesystemTable *table, uint64_t id) {
        for (Filesystem *f = NULL; (f = filesystem_table_next(table, f));)
                if (f->id == id)
                        return f;
        return NULL;
}

Filesystem *filesystem_table_find_device(FilesystemTable *table, dev_t device_number) {
        for (Filesystem *f = NULL; (f = filesystem_table_next(table, f));)
                if (f->facts.device_number == device_number)
                        return f;
        return NULL;
}

static bool has_name(const Filesystem *filesystem, const char *name) {
        char number[32];

        for (size_t i = 0; i < filesystem->n_mounts; i++)
                if (text_equal(filesystem->mounts[i].mount_point, name))
                        return true;

        (void) snprintf(number, sizeof(number), "%u:%u", major(filesystem->facts.device_number),
                        minor(filesystem->facts.device_number));
        return text_equal(filesystem->facts.device, name) || text_equal(number, name);
}

int filesystem_table_find_name(FilesystemTable *table, const char *name, Filesystem **ret_filesystem) {
        uint8_t uuid[UUID_SIZE];
        Filesystem *found = NULL;
        bool is_uuid = uuid_parse(name, uuid) == 0;

        for (Filesystem *f = NULL; (f = filesystem_table_next(table, f));) {
                if (has_name(f, name)) {
                        *ret_filesystem = f;
                        return 0;
                }
                if (!is_uuid || f->facts.uuid_state != FACT_KNOWN ||
                    memcmp(f->facts.uuid, uuid, UUID_SIZE) != 0)
                        continue;
                /* Clones share a UUID: the caller has to say which one is meant. */
                if (found)
                        return -ENOTUNIQ;
                found = f;
        }

        if (!found)
                return -ENOENT;
        *ret_filesystem = found;
        return 0;
}
