"""Diagnostic codes about remote sources and lock files (see `codes`): the upper part of group A."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["ACQUIRE_CODES"]

ACQUIRE_CODES: dict[str, CodeDoc] = {
    "A0220": CodeDoc(
        "a lock file that cannot be read",
        "`<recipe>.lock.yaml` beside a recipe pins what its source gave: commit, sizes, sha256, labels. `dsimport\n"
        "lock` writes it. After a bad merge or an edit by hand, write it again with `dsimport lock --update`.",
    ),
    "A0221": CodeDoc(
        "a lock file for another source",
        "The lock file was written for another repository, revision, variant or file than the recipe names now.\n"
        "Nothing is fetched until both agree: `dsimport lock --update RECIPE` writes the lock anew.",
    ),
    "A0222": CodeDoc(
        "labels of the lock file and classes disagree",
        "With `labels: config` the labels come from the lock file. There must be one per class of the recipe.",
    ),
    "A0223": CodeDoc(
        "a lock file would move",
        "`dsimport lock` never changes an existing lock by itself, because the same recipe would then build another\n"
        "model. The message lists what differs; `--update` accepts it.",
    ),
    "A0224": CodeDoc(
        "upstream moved",
        "`dsimport lock --check` found that the source gives something else now than what the lock file pins. Builds\n"
        "still use what is pinned. `dsimport lock --update` moves the pin.",
    ),
    "A0225": CodeDoc(
        "there is no lock file",
        "`dsimport lock --check` compares a lock file with its source; `dsimport lock` writes one.",
    ),
    "A0226": CodeDoc(
        "a matrix over the source",
        "One lock file pins one source. A recipe whose matrix varies the source cannot be locked: make it several\n"
        "recipes.",
    ),
    "A0230": CodeDoc(
        "the Hugging Face client is missing",
        "Repositories of the Hugging Face hub are read with the package huggingface_hub.",
    ),
    "A0231": CodeDoc(
        "not found at the source",
        "The repository, revision, model version or file does not exist there, or is private: servers do not tell\n"
        "which. Check the spelling, and set the access token if it is private.",
    ),
    "A0232": CodeDoc(
        "access refused",
        "The source wants an access token, or refuses the one it got. Tokens come from the environment (HF_TOKEN,\n"
        "NGC_API_KEY, or the variable that `token_env` names) or from the store of the hub's own client, never from a\n"
        "recipe.",
    ),
    "A0233": CodeDoc(
        "a gated repository",
        "Its owner wants terms to be accepted first. Open the repository's page while logged in, accept them, and use\n"
        "a token of the same account.",
    ),
    "A0234": CodeDoc(
        "too many requests",
        "The server asks for fewer requests for a while. Requests with an access token have a higher limit.",
    ),
    "A0235": CodeDoc(
        "the server failed",
        "The server answered with an error of its own, again after several attempts. What was fetched is kept: the\n"
        "same command continues there later.",
    ),
    "A0236": CodeDoc(
        "the connection failed",
        "The connection could not be made, broke or went silent, again after several attempts. What was fetched is\n"
        "kept: the same command continues there.",
    ),
    "A0237": CodeDoc(
        "offline, and not in the cache",
        "HF_HUB_OFFLINE is set and a file is neither in the cache of dsimport nor in that of the hub's client.",
    ),
    "A0238": CodeDoc(
        "fetched content is not what was announced",
        "Size or sha256 differ from the lock file, the recipe or the source's own listing. Nothing was kept. Either\n"
        "the source changed the file in place, or something on the way changed it.",
    ),
    "A0239": CodeDoc(
        "an answer that makes no sense",
        "The server does not speak the protocol of its kind of source. A proxy, a login page or a wrong HF_ENDPOINT\n"
        "or NGC_API_URL are the usual causes.",
    ),
    "A0240": CodeDoc(
        "only weights, no ONNX",
        "The source has a checkpoint (safetensors or .bin). A plan is made without a network, so the recipe or its\n"
        "lock file must say that there is something to export: write `export: {}` below source, or run `dsimport\n"
        "lock`.",
    ),
    "A0241": CodeDoc(
        "no model in the source",
        "The source has neither an ONNX file nor weights.",
    ),
    "A0242": CodeDoc(
        "the ONNX file asked for is not there",
        "`source.onnx.file` or `source.onnx.variant` names something the source does not have, or its ONNX files lie\n"
        "where none is taken without being named. The message lists what there is.",
    ),
    "A0243": CodeDoc(
        "weights outside of the ONNX file are missing",
        "The ONNX file keeps weights in files beside it. They must be in the same place at the source, with plain\n"
        "relative names.",
    ),
    "A0244": CodeDoc(
        "an archive that is not unpacked",
        "The archive is damaged, or holds names that lead out of a folder, links, or far more data than it should.",
    ),
    "A0245": CodeDoc(
        "an encrypted model or an engine",
        "`.etlt` files are encrypted, and engines belong to one TensorRT version and one GPU type. Choose a version\n"
        "of the model with an ONNX file (in the catalog often named deployable_…onnx…), or export it with TAO.",
    ),
    "A0246": CodeDoc(
        "an address without sha256",
        "What lies behind a web address can change at any time. Write source.url.sha256, or let `dsimport lock` pin\n"
        "it.",
    ),
    "A0247": CodeDoc(
        "a token that cannot be sent",
        "The value of the environment variable has blanks, line breaks or other characters that no token has.",
    ),
    "A0248": CodeDoc(
        "the source is too large",
        "A file is larger than anything a detector needs, or an archive unpacks to far more than it holds.",
    ),
}
