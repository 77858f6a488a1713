{
  "variables": {
    # Empty, or what `-fsanitize=` takes: node-gyp rebuild --sanitize=address,undefined
    "sanitize%": "",
  },
  "targets": [
    {
      "target_name": "ringtap",
      "sources": [
        "native/addon.cc",
        "native/all_threads.cc",
        "native/arguments.cc",
        "native/array_memory.cc",
        "native/bpf_file.cc",
        "native/btf.cc",
        "native/btf_check.cc",
        "native/capabilities.cc",
        "native/column.cc",
        "native/constants.cc",
        "native/error.cc",
        "native/features.cc",
        "native/hooks.cc",
        "native/iterator.cc",
        "native/kernel_types.cc",
        "native/load.cc",
        "native/log.cc",
        "native/map.cc",
        "native/map_reader.cc",
        "native/object.cc",
        "native/object_file.cc",
        "native/poll.cc",
        "native/references.cc",
        "native/ring.cc",
        "native/ring_memory.cc",
        "native/trim.cc",
        "native/uprobe.cc",
        "native/user_reads.cc",
        "native/variables.cc",
      ],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      # The second: a worker that is being terminated takes no exceptions; without it node-addon-api would abort the process.
      "defines": ["NAPI_VERSION=9", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      # LIBBPF_OPTS names only the members that are set.
      "cflags": ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "<!@(pkg-config --cflags libbpf)"],
      "cflags_cc": ["-std=gnu++20"],
      "libraries": ["<!@(pkg-config --libs libbpf)"],
      # A loaded addon stays in memory: libbpf keeps the address of our log function, which a worker's end would unmap.
      # The libraries that the npm package puts beside the addon come first. As RPATH, not RUNPATH, since that would not hold for
      # what libbpf needs in its turn.
      "ldflags": ["-Wl,-z,nodelete", "-Wl,-rpath,'$$ORIGIN'", "-Wl,--disable-new-dtags"],
      "conditions": [
        ["sanitize!=''", {
          "cflags": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-g", "-O1"],
          "ldflags": ["-fsanitize=<(sanitize)"],
        }],
      ],
    },
  ],
}
