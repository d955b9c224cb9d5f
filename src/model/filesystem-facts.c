/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies and releases what is known about a file system, and names it for people.
 */
#include <stdint.h>
#include <sys/sysmacros.h>

#include "src/basic/text.h"
#include "src/model/filesystem-facts.h"

/* "8-4-4-4-12" hexadecimal digits: a dash stands behind these bytes. */
static bool dash_follows(size_t byte) {
        return byte == 3 || byte == 5 || byte == 7 || byte == 9;
}

void filesystem_facts_clear(FilesystemFacts *facts) {
        if (!facts)
                return;

        for (size_t i = 0; i < facts->n_mounts; i++)
                free(facts->mounts[i]);
        free(facts->mounts);
        free(facts->type);
        free(facts->device);
        free(facts->label);
        free(facts->last_mount);
        *facts = (FilesystemFacts) {};
}

static int copy_text(char **slot, const char *text) {
        if (!text) {
                *slot = NULL;
                return 0;
        }

        *slot = strdup(text);
        return *slot ? 0 : -ENOMEM;
}

int filesystem_facts_copy(const FilesystemFacts *facts, FilesystemFacts *ret_facts) {
        _cleanup_(filesystem_facts_clear) FilesystemFacts copy = *facts;
        int r;

        /* Nothing owned may stand in the copy before it is the copy's own. */
        copy.type = copy.device = copy.label = copy.last_mount = NULL;
        copy.mounts = NULL;
        copy.n_mounts = 0;

        r = copy_text(&copy.type, facts->type);
        if (r >= 0)
                r = copy_text(&copy.device, facts->device);
        if (r >= 0)
                r = copy_text(&copy.label, facts->label);
        if (r >= 0)
                r = copy_text(&copy.last_mount, facts->last_mount);
        for (size_t i = 0; r >= 0 && i < facts->n_mounts; i++)
                r = filesystem_facts_add_mount(&copy, facts->mounts[i]);
        if (r < 0)
                return r;

        *ret_facts = copy;
        copy = (FilesystemFacts) {};
        return 0;
}

static size_t mount_index(const FilesystemFacts *facts, const char *mount_point) {
        size_t i;

        for (i = 0; i < facts->n_mounts; i++)
                if (strcmp(facts->mounts[i], mount_point) == 0)
                        break;

        return i;
}

int filesystem_facts_add_mount(FilesystemFacts *facts, const char *mount_point) {
        _cleanup_(free_at) char *copy = NULL;
        char **mounts;

        if (mount_index(facts, mount_point) < facts->n_mounts)
                return 0;

        copy = strdup(mount_point);
        if (!copy)
                return -ENOMEM;
        mounts = reallocarray(facts->mounts, facts->n_mounts + 2, sizeof(*mounts));
        if (!mounts)
                return -ENOMEM;

        facts->mounts = mounts;
        mounts[facts->n_mounts++] = steal_ptr(copy);
        mounts[facts->n_mounts] = NULL;
        return 0;
}

void filesystem_facts_remove_mount(FilesystemFacts *facts, const char *mount_point) {
        size_t i = mount_index(facts, mount_point);

        if (i == facts->n_mounts)
                return;

        if (facts->n_mounts == 1) {
                free(facts->last_mount);
                facts->last_mount = facts->mounts[i];
        } else
                free(facts->mounts[i]);
        /* The terminator moves along. */
        memmove(facts->mounts + i, facts->mounts + i + 1, (facts->n_mounts - i) * sizeof(*facts->mounts));
        facts->n_mounts--;
}

const char *filesystem_facts_subject(const FilesystemFacts *facts, char buffer[static 32]) {
        if (facts->n_mounts > 0)
                return facts->mounts[0];
        if (facts->last_mount)
                return facts->last_mount;
        if (facts->device)
                return facts->device;

        buffer[0] = '\0';
        (void) text_append_format(buffer, 32, "%u:%u", major(facts->device_number), minor(facts->device_number));
        return buffer;
}

bool filesystem_facts_share_disk(const FilesystemFacts *a, const FilesystemFacts *b) {
        for (size_t i = 0; i < a->n_disks; i++)
                for (size_t k = 0; k < b->n_disks; k++)
                        if (a->disks[i] == b->disks[k])
                                return true;
        return false;
}

char *uuid_format(const uint8_t uuid[static UUID_SIZE], char buffer[static UUID_TEXT_SIZE]) {
        static const char digits[] = "0123456789abcdef";
        char *end = buffer;

        /* By hand: it is done for every decision of a policy that names one. */
        for (size_t i = 0; i < UUID_SIZE; i++) {
                *end++ = digits[uuid[i] >> 4];
                *end++ = digits[uuid[i] & 0xf];
                if (dash_follows(i))
                        *end++ = '-';
        }
        *end = '\0';

        return buffer;
}

static int hex_digit(char digit) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = digit ? strchr(digits, digit) : NULL;

        return found ? (int) ((found - digits) % 16) : -EINVAL;
}

int uuid_parse(const char *text, uint8_t ret_uuid[static UUID_SIZE]) {
        uint8_t uuid[UUID_SIZE];

        for (size_t i = 0; i < UUID_SIZE; i++) {
                int high = hex_digit(*text), low;

                if (high < 0)
                        return -EINVAL;
                low = hex_digit(*++text);
                if (low < 0)
                        return -EINVAL;
                text++;
                if (dash_follows(i) && *text++ != '-')
                        return -EINVAL;
                uuid[i] = (uint8_t) (high << 4 | low);
        }

        if (*text)
                return -EINVAL;

        memcpy(ret_uuid, uuid, UUID_SIZE);
        return 0;
}
