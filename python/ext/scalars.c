/* SPDX-License-Identifier: Apache-2.0 */
/* scalars.c - single values between Python and the engine, in both directions. */
#include "state.h"

#include <string.h>

static const long long us_per_day = 86400000000;

/* A class of a module that is imported when the first value needs it. Borrowed. */
static PyObject *
lazy_class(PyObject **slot, const char *module, const char *name) {
    if (*slot == NULL) {
        PyObject *imported = PyImport_ImportModule(module);
        *slot = imported == NULL ? NULL : PyObject_GetAttrString(imported, name);
        Py_XDECREF(imported);
    }
    return *slot;
}

static PyObject *
decimal_class(module_state *state) {
    return lazy_class(&state->decimal_class, "decimal", "Decimal");
}

static PyObject *
uuid_class(module_state *state) {
    return lazy_class(&state->uuid_class, "uuid", "UUID");
}

/* ---------------------------------------------------------------------------------- to Python */
static PyObject *
from_text(PyObject *class, const laminar_value *v) {
    char         text[LAMINAR_VALUE_TEXT_MAX];
    const size_t size = laminar_value_text(v, text);
    return class == NULL ? NULL : PyObject_CallFunction(class, "s#", text, (Py_ssize_t)size);
}

static PyObject *
wide_object(const laminar_value *v) {
    char text[LAMINAR_VALUE_TEXT_MAX + 1];
    if (v->high == (v->i < 0 ? -1 : 0)) {
        return PyLong_FromLongLong(v->i);
    }
    text[laminar_value_text(v, text)] = '\0';
    return PyLong_FromString(text, NULL, 10);
}

static PyObject *
interval_object(module_state *state, const laminar_value *v) {
    if (v->months != 0) {
        PyObject *class = lazy_class(&state->interval_class, "laminardb.interval", "Interval");
        return class == NULL
                   ? NULL
                   : PyObject_CallFunction(class, "iiL", v->months, v->days, (long long)v->i);
    }
    return PyObject_CallFunction(state->timedelta_class, "iiL", v->days, 0, (long long)v->i);
}

static PyObject *
add_to(PyObject *start, PyObject *delta) {
    if (delta == NULL) {
        return NULL;
    }
    PyObject *made = PyNumber_Add(start, delta);
    Py_DECREF(delta);
    return made;
}

/* Units since 1970; a second has `per_second` of them. Nanoseconds are cut: a datetime has none. */
static PyObject *
datetime_object(module_state *state, PyObject *epoch, long long units, long long per_second) {
    const long long per_day = 86400 * per_second;
    const long long days = units / per_day - (units % per_day < 0);
    const long long rest = units - days * per_day;
    const long long us =
        per_second > 1000000 ? rest / (per_second / 1000000) : rest * (1000000 / per_second);
    return add_to(epoch, PyObject_CallFunction(state->timedelta_class, "LiL", days, 0, us));
}

static PyObject *
time_object(module_state *state, long long us) {
    const int seconds = (int)(us / 1000000);
    return PyObject_CallFunction(state->time_class, "iiii", seconds / 3600, seconds / 60 % 60,
                                 seconds % 60, (int)(us % 1000000));
}

static int
need_times(module_state *state) {
    return state->epoch_utc != NULL ? 0 : ext_times_import(state);
}

int
ext_scalars_import(module_state *state) {
    return need_times(state) < 0 || decimal_class(state) == NULL || uuid_class(state) == NULL ||
                   lazy_class(&state->interval_class, "laminardb.interval", "Interval") == NULL
               ? -1
               : 0;
}

static PyObject *
temporal_object(module_state *state, const laminar_value *v) {
    if (need_times(state) < 0) {
        return NULL;
    }
    switch ((laminar_type)v->type) {
    case LAMINAR_TYPE_DATE:
        return add_to(state->epoch_date,
                      PyObject_CallFunction(state->timedelta_class, "L", (long long)v->i));
    case LAMINAR_TYPE_TIME:
        return time_object(state, v->i);
    case LAMINAR_TYPE_TIMESTAMP_S:
        return datetime_object(state, state->epoch, v->i, 1);
    case LAMINAR_TYPE_TIMESTAMP_MS:
        return datetime_object(state, state->epoch, v->i, 1000);
    case LAMINAR_TYPE_TIMESTAMP:
        return datetime_object(state, state->epoch, v->i, 1000000);
    case LAMINAR_TYPE_TIMESTAMP_NS:
        return datetime_object(state, state->epoch, v->i, 1000000000);
    case LAMINAR_TYPE_TIMESTAMPTZ:
        return datetime_object(state, state->epoch_utc, v->i, 1000000);
    default:
        return interval_object(state, v);
    }
}

PyObject *
ext_value_object(module_state *state, const laminar_value *v) {
    if (v->is_null) {
        Py_RETURN_NONE;
    }
    switch ((laminar_type)v->type) {
    case LAMINAR_TYPE_BOOLEAN:
        return PyBool_FromLong(v->i != 0);
    case LAMINAR_TYPE_FLOAT:
    case LAMINAR_TYPE_DOUBLE:
        return PyFloat_FromDouble(v->d);
    case LAMINAR_TYPE_VARCHAR:
        return PyUnicode_DecodeUTF8(v->text, (Py_ssize_t)v->text_size, NULL);
    case LAMINAR_TYPE_BLOB:
        return PyBytes_FromStringAndSize(v->text, (Py_ssize_t)v->text_size);
    case LAMINAR_TYPE_HUGEINT:
        return wide_object(v);
    case LAMINAR_TYPE_UBIGINT:
        return PyLong_FromUnsignedLongLong((unsigned long long)v->i);
    case LAMINAR_TYPE_DECIMAL:
        return from_text(decimal_class(state), v);
    case LAMINAR_TYPE_UUID:
        return from_text(uuid_class(state), v);
    case LAMINAR_TYPE_DATE:
    case LAMINAR_TYPE_TIME:
    case LAMINAR_TYPE_TIMESTAMP_S:
    case LAMINAR_TYPE_TIMESTAMP_MS:
    case LAMINAR_TYPE_TIMESTAMP:
    case LAMINAR_TYPE_TIMESTAMP_NS:
    case LAMINAR_TYPE_TIMESTAMPTZ:
    case LAMINAR_TYPE_INTERVAL:
        return temporal_object(state, v);
    case LAMINAR_TYPE_LIST:
    case LAMINAR_TYPE_STRUCT:
    case LAMINAR_TYPE_MAP:
        return ext_nested_object(state, v);
    case LAMINAR_TYPE_NULL:
        Py_RETURN_NONE;
    default:
        return PyLong_FromLongLong(v->i);
    }
}

/* ---------------------------------------------------------------------------------- from Python */
int
ext_long_read(PyObject *v, laminar_value *out) {
    int             overflow;
    const long long small = PyLong_AsLongLongAndOverflow(v, &overflow);
    if (small == -1 && PyErr_Occurred()) {
        return -1;
    }
    out->type = overflow != 0 ? LAMINAR_TYPE_HUGEINT : LAMINAR_TYPE_BIGINT;
    out->i = small;
    if (overflow == 0) {
        return 1;
    }
    PyObject *shift = PyLong_FromLong(64);
    PyObject *high = shift == NULL ? NULL : PyNumber_Rshift(v, shift);
    Py_XDECREF(shift);
    if (high == NULL) {
        return -1;
    }
    out->high = PyLong_AsLongLongAndOverflow(high, &overflow);
    out->i = (int64_t)PyLong_AsUnsignedLongLongMask(v);
    Py_DECREF(high);
    return PyErr_Occurred() ? -1 : overflow == 0;
}

static int
read_uuid(PyObject *v, laminar_value *out) {
    PyObject *number = PyObject_GetAttrString(v, "int");
    PyObject *shift = number == NULL ? NULL : PyLong_FromLong(64);
    PyObject *high = shift == NULL ? NULL : PyNumber_Rshift(number, shift);
    if (high != NULL) {
        out->type = LAMINAR_TYPE_UUID;
        out->i = (int64_t)PyLong_AsUnsignedLongLongMask(number);
        out->high = (int64_t)PyLong_AsUnsignedLongLongMask(high);
    }
    Py_XDECREF(high);
    Py_XDECREF(shift);
    Py_XDECREF(number);
    return PyErr_Occurred() ? -1 : 1;
}

/* out * 10 + digit, of up to 38 digits. */
static void
push_digit(laminar_value *out, unsigned digit) {
    const uint64_t low = (uint64_t)out->i;
    const uint64_t bottom = (low & UINT32_MAX) * 10 + digit;
    const uint64_t top = (low >> 32) * 10 + (bottom >> 32);
    out->i = (int64_t)(top << 32 | (bottom & UINT32_MAX));
    out->high = (int64_t)((uint64_t)out->high * 10 + (top >> 32));
}

/* The parts of a finite Decimal; 0: more than 38 digits. */
static int
read_digits(long sign, PyObject *digits, long exponent, laminar_value *out) {
    const Py_ssize_t count = PyTuple_Size(digits);
    const long       scale = exponent < 0 ? -exponent : 0;
    const long       zeros = exponent > 0 ? exponent : 0;
    if (count < 0 || count > 38 || scale > 38 || zeros > 38 - count) {
        return count < 0 ? -1 : 0;
    }
    for (Py_ssize_t i = 0; i < count + zeros; i++) {
        PyObject *digit = i < count ? PyTuple_GetItem(digits, i) : NULL;
        push_digit(out, digit == NULL ? 0 : (unsigned)PyLong_AsLong(digit));
    }
    if (sign != 0) {
        out->i = (int64_t)(0 - (uint64_t)out->i);
        out->high = (int64_t)(~(uint64_t)out->high + (out->i == 0));
    }
    const long whole = (long)count + zeros;
    out->type = LAMINAR_TYPE_DECIMAL;
    out->scale = (uint8_t)scale;
    out->precision = (uint8_t)(whole < scale ? scale : whole < 1 ? 1 : whole);
    return PyErr_Occurred() ? -1 : 1;
}

/* NaN and the infinities are DOUBLEs. */
static int
read_decimal(PyObject *v, laminar_value *out) {
    PyObject *parts = PyObject_CallMethod(v, "as_tuple", NULL);
    if (parts == NULL) {
        return -1;
    }
    PyObject *sign = PyTuple_GetItem(parts, 0);
    PyObject *digits = PyTuple_GetItem(parts, 1);
    PyObject *exponent = PyTuple_GetItem(parts, 2);
    int       done = -1;
    if (sign != NULL && digits != NULL && exponent != NULL && PyLong_Check(exponent)) {
        const long e = PyLong_AsLong(exponent);
        done = e == -1 && PyErr_Occurred() ? -1 : read_digits(PyLong_AsLong(sign), digits, e, out);
    } else if (!PyErr_Occurred()) {
        out->type = LAMINAR_TYPE_DOUBLE;
        PyObject *number = PyNumber_Float(v);
        out->d = number == NULL ? 0 : PyFloat_AsDouble(number);
        Py_XDECREF(number);
        done = PyErr_Occurred() ? -1 : 1;
    }
    Py_DECREF(parts);
    return done;
}

static int
read_part(PyObject *v, const char *name, long long unit, int64_t *sum) {
    PyObject       *part = PyObject_GetAttrString(v, name);
    const long long n = part == NULL ? -1 : PyLong_AsLongLong(part);
    Py_XDECREF(part);
    *sum += n * unit;
    return PyErr_Occurred() ? -1 : 0;
}

static int
read_clock(module_state *state, PyObject *v, laminar_value *out) {
    PyObject *zone = PyObject_GetAttr(v, state->tzinfo);
    if (zone == NULL) {
        return -1;
    }
    Py_DECREF(zone);
    if (zone != Py_None) {
        PyErr_SetString(PyExc_ValueError, "a time with a zone is no TIME; use a datetime");
        return -1;
    }
    out->type = LAMINAR_TYPE_TIME;
    return read_part(v, "hour", 3600000000, &out->i) < 0 ||
                   read_part(v, "minute", 60000000, &out->i) < 0 ||
                   read_part(v, "second", 1000000, &out->i) < 0 ||
                   read_part(v, "microsecond", 1, &out->i) < 0
               ? -1
               : 1;
}

static int
read_datetime(module_state *state, PyObject *v, laminar_value *out) {
    long long us;
    PyObject *zone = PyObject_GetAttr(v, state->tzinfo);
    if (zone == NULL || ext_datetime_us(state, v, &us) < 0) {
        Py_XDECREF(zone);
        return -1;
    }
    out->type = zone == Py_None ? LAMINAR_TYPE_TIMESTAMP : LAMINAR_TYPE_TIMESTAMPTZ;
    out->i = us;
    Py_DECREF(zone);
    return 1;
}

/* Days and the rest have one sign, unlike in a timedelta. */
static int
read_timedelta(module_state *state, PyObject *v, laminar_value *out) {
    long long us;
    if (ext_timedelta_us(state, v, &us) < 0) {
        return -1;
    }
    out->type = LAMINAR_TYPE_INTERVAL;
    out->days = (int32_t)(us / us_per_day);
    out->i = us % us_per_day;
    return 1;
}

static int
read_date(module_state *state, PyObject *v, laminar_value *out) {
    long long days;
    if (ext_date_days(state, v, &days) < 0) {
        return -1;
    }
    out->type = LAMINAR_TYPE_DATE;
    out->i = days;
    return 1;
}

static int
read_bytes(PyObject *v, laminar_value *out) {
    char      *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(v, &bytes, &size) < 0) {
        return -1;
    }
    out->type = LAMINAR_TYPE_BLOB;
    out->text = bytes;
    out->text_size = (size_t)size;
    return 1;
}

typedef int value_reader(module_state *state, PyObject *v, laminar_value *out);

static int
read_time(module_state *state, PyObject *v, laminar_value *out) {
    if (need_times(state) < 0) {
        return -1;
    }
    PyObject *const     classes[] = {state->datetime_class, state->date_class, state->time_class,
                                     state->timedelta_class};
    value_reader *const readers[] = {read_datetime, read_date, read_clock, read_timedelta};
    for (int i = 0; i < 4; i++) {
        const int is = PyObject_IsInstance(v, classes[i]);
        if (is != 0) {
            return is < 0 ? -1 : readers[i](state, v, out);
        }
    }
    return 0;
}

int
ext_value_read(module_state *state, PyObject *v, laminar_value *out) {
    memset(out, 0, sizeof(*out));
    if (PyLong_Check(v)) {
        return ext_long_read(v, out);
    }
    if (PyBytes_Check(v)) {
        return read_bytes(v, out);
    }
    int done = read_time(state, v, out);
    if (done != 0) {
        return done;
    }
    PyObject *class = decimal_class(state);
    done = class == NULL ? -1 : PyObject_IsInstance(v, class);
    if (done != 0) {
        return done < 0 ? -1 : read_decimal(v, out);
    }
    class = uuid_class(state);
    done = class == NULL ? -1 : PyObject_IsInstance(v, class);
    return done <= 0 ? done : read_uuid(v, out);
}
