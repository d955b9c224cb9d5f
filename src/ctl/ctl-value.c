/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recursion follows the containers of a message; the bus itself limits their depth to 64.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/ctl/ctl-value.h"

/* Does a new word begin at this letter: "MountPoints", "UUIDText"? */
static bool begins_word(const char *name, size_t at) {
        /* One unit, one word. */
        static const char unit[] = "USec";

        if (at == 0 || !isupper((unsigned char) name[at]))
                return false;
        if (text_starts_with(name + at - 1, unit))
                return false;
        return !isupper((unsigned char) name[at - 1]) || islower((unsigned char) name[at + 1]);
}

char *ctl_value_key(const char *bus_name) {
        size_t length = strlen(bus_name), n = 0;
        char *key;

        key = malloc(2 * length + 1);
        if (!key)
                return NULL;

        for (size_t i = 0; i < length; i++) {
                if (begins_word(bus_name, i))
                        key[n++] = '_';
                key[n++] = (char) (bus_name[i] == '-' ? '_' : tolower((unsigned char) bus_name[i]));
        }
        key[n] = '\0';
        return key;
}

static int value_of(json_t *value, json_t **ret_value) {
        if (!value)
                return -ENOMEM;

        *ret_value = value;
        return 1;
}

static json_t *number_value(uint64_t number) {
        char text[24];

        if (number == UINT64_MAX)
                return json_null();
        if (number <= INT64_MAX)
                return json_integer((json_int_t) number);

        (void) snprintf(text, sizeof(text), "%" PRIu64, number);
        return json_string(text);
}

static int read_bytes(sd_bus_message *message, json_t **ret_value) {
        _cleanup_(free_at) char *text = NULL;
        const void *bytes;
        size_t length;
        int r;

        r = sd_bus_message_read_array(message, 'y', &bytes, &length);
        if (r < 0)
                return r;

        /* Some services count the terminator in. */
        if (length > 0 && ((const char *) bytes)[length - 1] == '\0')
                length--;
        text = text_escape(bytes ? bytes : "", length);
        if (!text)
                return -ENOMEM;

        return value_of(json_string(text), ret_value);
}

static int read_basic(sd_bus_message *message, char type, json_t **ret_value) {
        union {
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } value;
        int r;

        if (type == SD_BUS_TYPE_UNIX_FD)
                return -EOPNOTSUPP;

        r = sd_bus_message_read_basic(message, type, &value);
        if (r <= 0)
                return r;

        switch (type) {
        case SD_BUS_TYPE_BYTE:
                return value_of(json_integer(value.y), ret_value);
        case SD_BUS_TYPE_BOOLEAN:
                return value_of(json_boolean(value.b), ret_value);
        case SD_BUS_TYPE_INT16:
                return value_of(json_integer(value.n), ret_value);
        case SD_BUS_TYPE_UINT16:
                return value_of(json_integer(value.q), ret_value);
        case SD_BUS_TYPE_INT32:
                return value_of(json_integer(value.i), ret_value);
        case SD_BUS_TYPE_UINT32:
                return value_of(json_integer(value.u), ret_value);
        case SD_BUS_TYPE_INT64:
                return value_of(json_integer(value.x), ret_value);
        case SD_BUS_TYPE_UINT64:
                return value_of(number_value(value.t), ret_value);
        case SD_BUS_TYPE_DOUBLE:
                return value_of(json_real(value.d), ret_value);
        default:
                return value_of(json_string(value.s), ret_value);
        }
}

/* One "{sv}" or "{os}" entry; keys that are not text are shown as they are. */
static int read_entry(sd_bus_message *message, const char *contents, json_t *object) {
        _cleanup_(json_decref_at) json_t *value = NULL, *name = NULL;
        _cleanup_(free_at) char *key = NULL, *number = NULL;
        int r;

        r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, contents);
        if (r <= 0)
                return r;
        r = ctl_value_read(message, &name);
        if (r > 0)
                r = ctl_value_read(message, &value);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        if (!json_is_string(name)) {
                number = json_dumps(name, JSON_ENCODE_ANY);
                if (!number)
                        return -ENOMEM;
        }
        /* Object paths and interface names are no words of ours. */
        if (contents[0] == SD_BUS_TYPE_STRING && !strpbrk(json_string_value(name), "./"))
                key = ctl_value_key(json_string_value(name));
        else
                key = strdup(number ? number : json_string_value(name));
        if (!key || json_object_set_new(object, key, steal_ptr(value)) < 0)
                return -ENOMEM;

        r = sd_bus_message_exit_container(message);
        return r < 0 ? r : 1;
}

static int read_container(sd_bus_message *message, char type, const char *contents, json_t **ret_value) {
        bool is_map = type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN;
        _cleanup_(json_decref_at) json_t *all = is_map ? json_object() : json_array();
        _cleanup_(free_at) char *entry = NULL;
        int r;

        if (!all)
                return -ENOMEM;
        if (is_map) {
                entry = strndup(contents + 1, strlen(contents) - 2);
                if (!entry)
                        return -ENOMEM;
        }

        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;
        for (;;) {
                json_t *value = NULL;

                r = is_map ? read_entry(message, entry, all) : ctl_value_read(message, &value);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (!is_map && json_array_append_new(all, value) < 0)
                        return -ENOMEM;
        }
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret_value = steal_ptr(all);
        return 1;
}

int ctl_value_read(sd_bus_message *message, json_t **ret_value) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r <= 0)
                return r;

        if (type == SD_BUS_TYPE_VARIANT) {
                r = sd_bus_message_enter_container(message, type, contents);
                if (r < 0)
                        return r;
                r = ctl_value_read(message, ret_value);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                r = sd_bus_message_exit_container(message);
                if (r < 0) {
                        json_decref(*ret_value);
                        return r;
                }
                return 1;
        }
        if (type == SD_BUS_TYPE_ARRAY && text_equal(contents, "y"))
                return read_bytes(message, ret_value);
        if (type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_STRUCT)
                return read_container(message, type, contents, ret_value);
        return read_basic(message, type, ret_value);
}

int ctl_value_name_fields(json_t *list, const char *const *names) {
        for (size_t i = 0; i < json_array_size(list); i++) {
                json_t *fields = json_array_get(list, i), *object = json_object();

                if (!object)
                        return -ENOMEM;
                for (size_t j = 0; names[j] && j < json_array_size(fields); j++)
                        if (json_object_set(object, names[j], json_array_get(fields, j)) < 0) {
                                json_decref(object);
                                return -ENOMEM;
                        }
                if (json_array_set_new(list, i, object) < 0)
                        return -ENOMEM;
        }
        return 0;
}

const char *ctl_value_text(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

uint64_t ctl_value_number(const json_t *object, const char *key) {
        const json_t *value = json_object_get(object, key);

        if (json_is_string(value))
                return strtoull(json_string_value(value), NULL, 10);
        return json_integer_value(value) > 0 ? (uint64_t) json_integer_value(value) : 0;
}

bool ctl_value_truth(const json_t *object, const char *key) {
        return json_is_true(json_object_get(object, key));
}
