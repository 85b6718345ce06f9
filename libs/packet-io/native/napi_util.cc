#include "napi_util.h"

#include <uv.h>

namespace pio {

void throw_misuse(napi_env env, const char* code, const std::string& message) {
  napi_throw_error(env, code, message.c_str());
}

void throw_failure(napi_env env, const Failure& failure) {
  char name[64];
  uv_err_name_r(-failure.error, name, sizeof name);
  char words[128];
  uv_strerror_r(-failure.error, words, sizeof words);
  const std::string text = failure.what + ": " + words + " (" + name + ")";
  napi_value code, message, error, number, syscall;
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_error(env, code, message, &error);
  napi_create_int32(env, -failure.error, &number);
  napi_set_named_property(env, error, "errno", number);
  napi_create_string_utf8(env, failure.syscall.c_str(), failure.syscall.size(), &syscall);
  napi_set_named_property(env, error, "syscall", syscall);
  napi_throw(env, error);
}

bool Args::wrong(size_t index, const char* wanted) const {
  throw_misuse(env_, kBadArgument, "argument " + std::to_string(index + 1) + " must be " + wanted);
  return false;
}

bool Args::wrong_type(size_t index, napi_typedarray_type wanted) const {
  const char* name = wanted == napi_uint8_array ? "a Uint8Array" : wanted == napi_int32_array ? "an Int32Array"
                                                                                              : "a Float64Array";
  return wrong(index, name);
}

bool Args::integer(size_t index, int32_t& out) const {
  double value = 0;
  if (napi_get_value_double(env_, values_[index], &value) != napi_ok) return wrong(index, "a number");
  if (!(value >= INT32_MIN && value <= INT32_MAX) || value != static_cast<int32_t>(value)) {
    return wrong(index, "an integer of 32 bits");
  }
  out = static_cast<int32_t>(value);
  return true;
}

bool Args::boolean(size_t index, bool& out) const {
  if (napi_get_value_bool(env_, values_[index], &out) != napi_ok) return wrong(index, "a boolean");
  return true;
}

bool Args::text(size_t index, std::string& out) const {
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) != napi_ok) return wrong(index, "a string");
  out.resize(length + 1);
  napi_get_value_string_utf8(env_, values_[index], out.data(), out.size(), &length);
  out.resize(length);
  if (out.find('\0') != std::string::npos) return wrong(index, "a string without NUL");
  return true;
}

bool Args::optional_text(size_t index, std::string& out) const {
  napi_valuetype type;
  if (index >= count_ || napi_typeof(env_, values_[index], &type) != napi_ok) return true;
  return type == napi_undefined ? true : text(index, out);
}

bool Args::function(size_t index) const {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env_, values_[index], &type) != napi_ok || type != napi_function) return wrong(index, "a function");
  return true;
}

bool constructing(napi_env env, napi_callback_info info, const char* name) {
  napi_value target = nullptr;
  napi_get_new_target(env, info, &target);
  if (!target) throw_misuse(env, kBadArgument, std::string(name) + " must be called with new");
  return target != nullptr;
}

void export_class(napi_env env, napi_value exports, const char* name, napi_callback constructor,
                  const napi_property_descriptor* properties, size_t count) {
  napi_value cls = nullptr;
  napi_define_class(env, name, NAPI_AUTO_LENGTH, constructor, nullptr, count, properties, &cls);
  napi_set_named_property(env, exports, name, cls);
}

}  // namespace pio
