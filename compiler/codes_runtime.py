"""Diagnostic codes about running a plan: groups P, T, H and S (see `codes`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["RUNTIME_CODES"]

RUNTIME_CODES: dict[str, CodeDoc] = {
    "P0601": CodeDoc(
        "a path leads out of the model's folder",
        "dsimport writes below `models/<name>/` only. A plan names another place, or a link on the way leads\n"
        "there. Remove the link, or make the plan again; to keep large results on another disk, put the whole root\n"
        "folder there (--root).",
    ),
    "P0602": CodeDoc(
        "a kind of step this version cannot run",
        "The plan was made by another version of dsimport. Make it again with the one that is to apply it.",
    ),
    "P0603": CodeDoc(
        "a plan without a proper model folder",
        "The folder of a plan must be `models/<name>`, with the plan's own name. A saved plan that says something\n"
        "else was edited or damaged. Make it again with `dsimport plan`.",
    ),
    "P0604": CodeDoc(
        "not a model's name",
        "`clean` takes names of folders below `models/`, not paths: small letters, digits, `.`, `_` and `-`,\n"
        "beginning with a letter or digit.",
    ),
    "P0621": CodeDoc(
        "not a Markdown file",
        "`dsimport report --doc` takes one Markdown file in UTF-8.",
    ),
    "T0410": CodeDoc(
        "the engine builder wrote no engine",
        "The builder ended without an error but left no engine file. Its log says what happened; the last lines are\n"
        "in the notes.",
    ),
    "T0411": CodeDoc(
        "a benchmark without a throughput figure",
        "trtexec's log has no `Throughput:` line. Profiling flags without --separateProfileRun suppress the\n"
        "performance summary, and so does a run that ends early.",
    ),
    "T0412": CodeDoc(
        "a pipeline run without a usable rate",
        "deepstream-app prints the frames per second of every stream at intervals; the first windows, in which the\n"
        "engine loads, do not count. Too few windows were left: lengthen `benchmark.run_s`, or read the log.",
    ),
    "T0414": CodeDoc(
        "a step that may fail has failed",
        "The doubling of the batch goes as far as the GPU can: where an engine of twice the batch cannot be built or\n"
        "run, the largest engine so far is kept and the run goes on with it. The failure is part of the record and of\n"
        "the report. It is not repeated until the model, the settings, TensorRT or the GPU change, or until the step\n"
        "is asked for with `--again`. Lower `engine.batch_limit` to have no such attempt.",
    ),
    "T0415": CodeDoc(
        "an engine that could not be built",
        "The builder failed in a way that its log explains. Where something is known to help (a simplified graph and\n"
        "optimization level 2 for a part of a graph that TensorRT cannot compile, a larger workspace) it was tried\n"
        "already, one change at a time; the notes list the attempts and their logs.",
    ),
    "T0416": CodeDoc(
        "an engine that needed more than one attempt",
        "The builder failed first, and succeeded after one or more changes to the command. The engine is good; the\n"
        "line for the recipe in the message saves the failing attempts next time, and makes nvinfer and scripts use\n"
        "the same.",
    ),
    "T0417": CodeDoc(
        "an engine that was not measured alone",
        "With `engine.builder: auto` or `python` engines are built through TensorRT's Python API where trtexec is\n"
        "absent, and pipelines run as usual. Only trtexec measures an engine without a pipeline, so the report has no\n"
        "such figures, the batch is not doubled, and run 1 has as many streams as the engine's batch.",
    ),
    "T0418": CodeDoc(
        "TensorRT-RTX gave no answer",
        "`dsimport check` asks NVIDIA's parser and builder, in a process of its own. That process ended without an\n"
        "answer: the library crashed on the model, or could not be loaded. TensorRT itself may well take the model.",
    ),
    "T0601": CodeDoc(
        "a program is not on PATH",
        "A step calls a program that was not found. `ref-…` programs are looked for beside the Python interpreter\n"
        "first, all others on PATH only. The help line of the message says where the program comes from. Programs\n"
        "of NVIDIA are not needed with `--toolchain reference`.",
    ),
    "T0602": CodeDoc(
        "a program failed",
        "A program ended with an exit code that means failure, or by a signal. The message shows the command,\n"
        "which can be repeated by hand in the root folder, the end of what the program said, and the log with all\n"
        "of it. What the step had made in an earlier run is put back; steps before it stay done. The next apply\n"
        "begins with this step.",
    ),
    "T0603": CodeDoc(
        "a program did not end in time",
        "The step has a time limit, after which the program and everything it started are stopped. The end of the\n"
        "log shows where it stood still. A clip that never ends, a driver that hangs and a machine that swaps are\n"
        "the usual causes.",
    ),
    "T0604": CodeDoc(
        "a program made nothing",
        "A program ended without an error, but a file that the plan expects of it is not there. It may have\n"
        "written to another place: the log says where.",
    ),
    "T0605": CodeDoc(
        "a fault of dsimport",
        "Something happened that dsimport does not foresee. Results of earlier steps are intact. The newest file\n"
        "in `.dsimport/runs` of the model's folder has the details; please report it.",
    ),
    "H0502": CodeDoc(
        "a Python module is missing",
        "The chosen toolchain needs an extra of dsimport that is not installed; the help line names it.",
    ),
    "H0521": CodeDoc(
        "a report without some of its parts",
        "Data and Markdown are always written. Charts need matplotlib, HTML needs the Python package markdown, both\n"
        "in the extra `report`; PDF needs wkhtmltopdf or WeasyPrint besides. What is missing can be installed later:\n"
        "`dsimport report NAME` then writes the whole report from the records, and measures nothing again.",
    ),
    "H0522": CodeDoc(
        "a Python module that documents need is missing",
        "`dsimport report --doc` reads Markdown with the Python package markdown, which is in the extra `report`.",
    ),
    "H0503": CodeDoc(
        "the video is missing",
        "`pipeline.video` and `benchmark.video` name a clip, relative to the recipe; `default` is the sample clip\n"
        "that comes with DeepStream.",
    ),
    "H0504": CodeDoc(
        "too little free space",
        "Engines, logs and frames of one model need room below the root folder. Free some, or choose another root\n"
        "with --root.",
    ),
    "H0510": CodeDoc(
        "another DeepStream than planned for",
        "The parser's ABI, configuration keys and paths depend on the DeepStream release that `pipeline.deepstream`\n"
        "names. The host has another one, so nothing is built. Change the recipe, or use a host with that release.",
    ),
    "H0511": CodeDoc(
        "another TensorRT than planned for",
        "trtexec's options and defaults depend on the version that `pipeline.tensorrt` names. The host has another\n"
        "one, so nothing is built. Change the recipe, or install that version.",
    ),
    "H0512": CodeDoc(
        "trtexec and DeepStream use different TensorRTs",
        "An engine can only be read by the TensorRT that built it. trtexec would build engines that DeepStream's\n"
        "nvinfer refuses, and nvinfer would then build its own for minutes at every start.",
    ),
    "H0514": CodeDoc(
        "decoders that end before inference does",
        "Every stream is decoded by the GPU's video decoders, whose number is fixed. By what NVIDIA publishes for\n"
        "this GPU they carry fewer streams than the benchmark may try. The figure is scaled from 1920x1080 at 30\n"
        "frames per second by the number of pixels, and was not measured here.",
    ),
    "H0601": CodeDoc(
        "no space on the disk",
        "A file could not be written because the disk, the quota or the allowed file size is used up. What was\n"
        "there before is untouched, and no half-written file is left. Free some space and run the same command: it\n"
        "goes on where it stopped.",
    ),
    "H0602": CodeDoc(
        "a read-only file system",
        "The place for `models/` cannot be written at all. Choose another root folder with --root.",
    ),
    "H0603": CodeDoc(
        "no permission",
        "The user who runs dsimport has no right to the file. Files made by root in a container are a usual cause:\n"
        "change their owner, or choose another root folder with --root.",
    ),
    "H0604": CodeDoc(
        "a file cannot be used",
        "The operating system refused something else than space or permission: a folder where a file should be, a\n"
        "name that is too long, a broken disk. The message has the path and the system's own words.",
    ),
    "H0606": CodeDoc(
        "a file system without locks",
        "One process at a time may write to a model's folder, and some network file systems cannot tell. Choose a\n"
        "place on a local disk with --root.",
    ),
    "S0601": CodeDoc(
        "a damaged record",
        "`.dsimport/state.json` in the model's folder says what was made from what. It cannot be read. dsimport\n"
        "writes it whole or not at all, so something else changed it, or the disk did. Move it away: every step\n"
        "then runs again; nothing else is lost. `dsimport clean NAME --all` removes the whole folder.",
    ),
    "S0602": CodeDoc(
        "a record of another version",
        "The model's folder was written by a dsimport with another format of records. Use that version, or move\n"
        "`.dsimport/state.json` away and let every step run again.",
    ),
    "S0603": CodeDoc(
        "another process is writing",
        "One process at a time may write to a model's folder. The message names the other one. The lock ends with\n"
        "its process, however that ends; there is never a stale lock to remove.",
    ),
    "S0604": CodeDoc(
        "not a plan file",
        "`apply` takes recipes, or a file that `dsimport plan -o FILE` of this version wrote.",
    ),
    "S0605": CodeDoc(
        "a damaged plan file",
        "The plan file cannot be read, or was edited: its content does not fit its checksum. Change the recipe\n"
        "instead, and make the plan again.",
    ),
    "S0606": CodeDoc(
        "a stale plan",
        "A saved plan is applied exactly as it was shown, or not at all. Since it was made, a recipe, a file it\n"
        "rests on, the model's record, a tool or dsimport itself has changed; every change is listed, old → new.\n"
        "Make the plan again.",
    ),
    "S0607": CodeDoc(
        "a value nobody measured",
        "A step needs a number that an earlier step should have given, such as the largest batch. Either that step\n"
        "measured nothing, or it was not needed in this plan. Its log says why.",
    ),
    "S0608": CodeDoc(
        "a step that is not in the record",
        "`--again` takes the names of steps that `dsimport status` lists.",
    ),
    "S0609": CodeDoc(
        "a model that was not applied",
        "There is no record of this model below the root folder. `dsimport status` lists those that have one;\n"
        "--root names another root folder.",
    ),
    "S0621": CodeDoc(
        "a model without its plan on record",
        "`.dsimport/plan.json` in the model's folder is the plan that was applied last. Reports are made from it and\n"
        "from the records, so that they need neither the recipe nor the tools. It is missing where the model was\n"
        "applied by an earlier dsimport, and cannot be used where another version or something else changed it. The\n"
        "next apply keeps it anew.",
    ),
}
