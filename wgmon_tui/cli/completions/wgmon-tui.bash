# Completion of wgmon-tui in bash. The program itself lists the words: wgmon-tui __complete bash WORD…
# shellcheck shell=bash disable=SC2207

_wgmon_tui() {
    local line word current=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
    COMPREPLY=()
    while read -r line; do
        case $line in
        :file | :directory)
            compopt -o filenames 2>/dev/null
            [ "$current" = = ] && current=
            if [ "$line" = :file ]; then
                COMPREPLY+=($(compgen -f -- "$current"))
            else
                COMPREPLY+=($(compgen -d -- "$current"))
            fi
            ;;
        *)
            word=${line%%$'\t'*}
            # Within quotes, the word stands as it is.
            case $current in
            [\"\']*) ;;
            *) printf -v word %q "$word" ;;
            esac
            COMPREPLY+=("$word")
            ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _wgmon_tui wgmon-tui wgmon
