# sluice_embed(TARGET sluice_lab_mesh NAME mesh_crds FILES a.yaml b.yaml): files that travel inside the binary.
#
# Makes "embedded/mesh_crds.hpp", which declares
#     std::span<const EmbeddedFile> sluice::embedded::mesh_crds();    // in the order given; names without folders
# A name keeps its folders from BASE on when BASE is given ("assets/app.js"). Bytes go in as they are, of any kind and size;
# with JSON the files are YAML and go in as one JSON array of their documents each.
function(sluice_embed)
    cmake_parse_arguments(E "JSON" "TARGET;NAME;BASE" "FILES" ${ARGN})
    set(blobs "")
    set(declared "")
    set(listed "")
    set(paths "")
    set(index 0)
    foreach(file ${E_FILES})
        get_filename_component(path ${file} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
        if(E_BASE)
            get_filename_component(base ${E_BASE} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
            file(RELATIVE_PATH name ${base} ${path})
        else()
            get_filename_component(name ${path} NAME)
        endif()
        if(E_JSON)
            set(converted ${CMAKE_CURRENT_BINARY_DIR}/embedded_${E_NAME}/${index}.json)
            add_custom_command(OUTPUT ${converted} COMMAND sluice_yaml_to_json ${path} ${converted}
                DEPENDS ${path} sluice_yaml_to_json)
            target_sources(${E_TARGET} PRIVATE ${converted})
            set(path ${converted})
        endif()
        set(symbol sluice_embedded_${E_NAME}_${index})
        string(APPEND blobs
            "asm(\".pushsection .rodata\\n\"\n"
            "    \".global ${symbol}_begin\\n.hidden ${symbol}_begin\\n${symbol}_begin:\\n\"\n"
            "    \".incbin \\\"${path}\\\"\\n\"\n"
            "    \".global ${symbol}_end\\n.hidden ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n.popsection\\n\");\n")
        string(APPEND declared "extern const char ${symbol}_begin[], ${symbol}_end[];\n")
        string(APPEND listed
            "        EmbeddedFile{\"${name}\", std::string_view(${symbol}_begin, static_cast<std::size_t>(${symbol}_end - ${symbol}_begin))},\n")
        list(APPEND paths ${path})
        math(EXPR index "${index} + 1")
    endforeach()

    set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded_${E_NAME})
    file(CONFIGURE OUTPUT ${folder}/embedded/${E_NAME}.hpp @ONLY CONTENT
"// Made by cmake/embed.cmake.
#pragma once

#include \"base/core/embedded.hpp\"

#include <span>

namespace sluice::embedded {
std::span<const EmbeddedFile> ${E_NAME}();
}
")
    file(CONFIGURE OUTPUT ${folder}/${E_NAME}.cpp @ONLY CONTENT
"// Made by cmake/embed.cmake.
#include \"embedded/${E_NAME}.hpp\"

#include <array>
#include <cstddef>

${blobs}
extern \"C\" {
${declared}}

namespace sluice::embedded {
std::span<const EmbeddedFile> ${E_NAME}() {
    static const std::array<EmbeddedFile, ${index}> files{
${listed}    };
    return files;
}
}  // namespace sluice::embedded
")
    set_source_files_properties(${folder}/${E_NAME}.cpp PROPERTIES OBJECT_DEPENDS "${paths}" SKIP_PRECOMPILE_HEADERS ON)
    target_sources(${E_TARGET} PRIVATE ${folder}/${E_NAME}.cpp)
    target_include_directories(${E_TARGET} PUBLIC ${folder})
endfunction()
