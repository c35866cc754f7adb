# Completion of pyralog for bash, without any library. tests/cli/test_documents.py holds it against
# `pyralog help`.

_pyralog_options() {
    case $1 in
    shell) echo "-c --command -f --file --param --format --output --timer --ledger --set --readonly --keep-going" \
        "--user --password-file --token-file --ca -h --help -V --version" ;;
    serve) echo "--listen --http --tls-cert --tls-key --tls-client-ca --user-file --token-file --insecure" \
        "--memory-limit --threads --max-connections --statement-timeout --allow-path --readonly --set -h --help" ;;
    ingest) echo "--format --replace --ledger --set -h --help" ;;
    inspect) echo "--batches --check -h --help" ;;
    model) echo "--format --framework --set -h --help" ;;
    *) echo "-h --help" ;;
    esac
}

# Whether an option takes the next word as its value.
_pyralog_takes_value() {
    case $1 in
    -c | --command | -f | --file | --param | --format | --output | --set | --user | --password-file | --token-file | --ca) ;;
    --listen | --http | --tls-cert | --tls-key | --tls-client-ca | --user-file) ;;
    --memory-limit | --threads | --max-connections | --statement-timeout | --allow-path | --batches | --framework) ;;
    *) return 1 ;;
    esac
}

_pyralog_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "-A" "$1" -- "$2")
}

_pyralog_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# The value of the option $1 of the command $2.
_pyralog_value() {
    case $1 in
    --format)
        if [ "$2" = ingest ]; then
            _pyralog_words "arrow parquet csv json ndjson" "$3"
        else
            _pyralog_words "box csv tsv json ndjson markdown line arrow" "$3"
        fi
        ;;
    --set)
        _pyralog_words "threads= memory_limit= model_memory= engine= time_unit= statement_timeout=" "$3"
        compopt -o nospace 2>/dev/null
        ;;
    --allow-path) _pyralog_files directory "$3" ;;
    -f | --file | --output | --ca | --*-file | --tls-*) _pyralog_files file "$3" ;;
    esac
}

_pyralog() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="shell serve ingest inspect verify model user help version"
    local command=shell arguments=0 word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == 1)) && [[ " $commands " == *" $word "* ]]; then
            command=$word
        elif _pyralog_takes_value "$word"; then
            ((i++))
        elif [[ $word != -?* ]]; then
            ((arguments++))
        fi
    done
    if ((COMP_CWORD > 1)) && _pyralog_takes_value "$previous"; then
        _pyralog_value "$previous" "$command" "$current"
    elif [[ $current == -* ]]; then
        _pyralog_words "$(_pyralog_options "$command")" "$current"
    elif [ "$command" = help ]; then
        ((arguments == 0)) && _pyralog_words "$commands" "$current"
    elif [[ $command == model ]]; then
        case $arguments in
        0) _pyralog_words "register list show verify pin unpin serve-check" "$current" ;;
        1) _pyralog_files directory "$current" ;;
        3) _pyralog_files file "$current" ;;
        esac
    elif [[ $command == inspect || ($command == ingest && $arguments -ge 2) ]]; then
        _pyralog_files file "$current"
    elif [[ $command == shell || $command == serve || $command == ingest || $command == verify ]] && ((arguments == 0)); then
        local names=()
        if ((COMP_CWORD == 1)); then
            mapfile -t names < <(compgen -W "$commands :memory:" -- "$current")
        fi
        _pyralog_files directory "$current"
        COMPREPLY+=("${names[@]}")
    fi
}

complete -F _pyralog pyralog
